"""Record to batch: the pictures of a pack in memory, and draws of them with what they may be asked for by."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from makar.codecs.pack import Pack, Words
from makar.codecs.pixels import resized
from makar.kit.errors import BadInput
from makar.nets.patches import Condition

MOST_PHRASES = 4
PLAIN_FRAC = 0.4
"""How often a picture is asked for by its plainest phrase, rather than by any of its phrases."""


@dataclass(frozen=True)
class Dropped:
    """How often a picture is trained on without its words, or without its look, so that either may be left open, and
    how often as in a mirror, so that there are more pictures to learn from.
    """

    words_frac: float = 0.1
    look_frac: float = 0.1
    mirrored_frac: float = 0.0


@dataclass(frozen=True)
class Pictures:
    """Pictures of one split on one device, and what they are asked for by.

    looks: style and source of each, from 1 on (0 is any look)
    Shapes: pixels (N, S, S, 4) uint8, phrases (N, 4) into `words`, looks (N, 2), words (P, T, D) int8, present (P, T)
    """

    pixels: Tensor
    phrases: Tensor
    num_phrases: Tensor
    looks: Tensor
    words: Tensor
    present: Tensor
    scale: Tensor

    def __len__(self) -> int:
        return len(self.pixels)

    def batch(self, rows: Tensor, random: torch.Generator, dropped: Dropped) -> tuple[Tensor, Condition]:
        """Clean pictures and one way to ask for each, drawn by `random`.

        Shapes: rows (B,) -> (B, 4, S, S)
        """
        num, device = len(rows), rows.device
        chance = torch.rand(5, num, generator=random, device=device)
        which = (chance[0] * self.num_phrases[rows]).long() * (chance[1] >= PLAIN_FRAC)
        looks = self.looks[rows, (chance[2] < 0.5).long()] * (chance[3] >= dropped.look_frac)
        condition = self.asked(self.phrases[rows, which], looks)
        kept = (chance[4] >= dropped.words_frac).view(-1, 1)
        clean = values_of(self.pixels[rows])
        if dropped.mirrored_frac:  # else chance goes on as it did before there were mirrors
            mirrored = torch.rand(num, generator=random, device=device) < dropped.mirrored_frac
            clean = torch.where(mirrored.view(-1, 1, 1, 1), clean.flip(-1), clean)
        return clean, Condition(condition.words * kept.unsqueeze(-1), condition.present & kept,
                                                       condition.looks)

    def asked(self, phrases: Tensor, looks: Tensor) -> Condition:
        """Shapes: phrases (B,), looks (B,)"""
        return Condition(self.words[phrases] * self.scale, self.present[phrases], looks)


def load_pixels(pack: Pack, split: str, size_px: int, *, enlarge: bool = True) -> tuple[list[int], NDArray[np.uint8]]:
    """The pictures of one split and their places in the pack, smaller ones enlarged by whole pixels, so hard pixels
    stay hard, or left out; larger ones averaged.

    Shapes: -> (N,), (N, size_px, size_px, 4)
    Raises: Damaged, BadInput (no picture of this split)
    """
    sizes = sorted({entry.size_px for entry in pack.entries
                    if (enlarge and size_px % entry.size_px == 0) or entry.size_px % size_px == 0})
    places, pixels = list[int](), list[NDArray[np.uint8]]()
    for size in sizes:
        at, found = pack.pixels(size)
        kept = [index for index, place in enumerate(at) if pack.entries[place].split == split]
        places += [at[index] for index in kept]
        pixels.append(resized(found[kept], size_px))
    if not places:
        raise BadInput(f"the pack '{pack.folder}' has no picture of {size_px} pixels for '{split}'")
    return places, np.concatenate(pixels)


def load_pictures(pack: Pack, split: str, size_px: int, context_tok: int, device: torch.device) -> Pictures:
    """The pictures of one split, as `load_pixels` does, with what they may be asked for by.

    Raises: Damaged, BadInput (no picture of this split)
    """
    places, pixels = load_pixels(pack, split, size_px)
    words = pack.words
    number = {phrase: index for index, phrase in enumerate(words.phrases)}
    look = {name: index + 1 for index, name in enumerate(pack.looks)}
    entries = [pack.entries[place] for place in places]
    told = [[number[phrase] for phrase in entry.phrases[:MOST_PHRASES]] for entry in entries]
    values, present = padded(words, context_tok)
    put = functools.partial(torch.as_tensor, device=device)
    return Pictures(
        pixels=put(pixels), phrases=put([row + [0] * (MOST_PHRASES - len(row)) for row in told]),
        num_phrases=put([len(row) for row in told]), words=put(values), present=put(present),
        looks=put([[look[entry.style], look[entry.source]] for entry in entries]), scale=put(words.scale))


def values_of(pixels: Tensor) -> Tensor:
    """As `codecs.pixels.to_values`, where the pixels are. Shapes: (B, S, S, 4) -> (B, 4, S, S)"""
    whole = pixels.float() / 255
    return torch.cat((whole[..., :3] * whole[..., 3:], whole[..., 3:]), -1).permute(0, 3, 1, 2) * 2 - 1


def padded(words: Words, context_tok: int) -> tuple[NDArray[np.int8], NDArray[np.bool_]]:
    """Every phrase at one length. Shapes: -> (phrases, context_tok, dim), (phrases, context_tok)"""
    num, dim = len(words.phrases), words.values.shape[1]
    lengths = np.minimum(np.diff(words.starts), context_tok)
    present = np.arange(context_tok) < lengths[:, None]
    values = np.zeros((num, context_tok, dim), np.int8)
    rows = np.concatenate([np.arange(start, start + length) for start, length in
                           zip(words.starts[:-1], lengths, strict=True)])
    values[present] = words.values[rows]
    return values, present
