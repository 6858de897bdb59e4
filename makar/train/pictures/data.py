"""Record to batch: the pictures of a pack in memory, and draws of them with what they may be asked for by."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from makar.codecs.pack import Entry, Pack, Pixels, Words
from makar.codecs.pixels import resized
from makar.kit.errors import BadInput
from makar.nets.patches import Condition
from makar.nets.shapes import PictureShape
from makar.rooms.image.exemplars import Exemplars, exemplar_of
from makar.tracing.pictures import Told, small

MOST_PHRASES, MOST_EXEMPLARS = 4, 8
PLAIN_FRAC = 0.4
"""How often a picture is asked for by its plainest phrase, rather than by any of its phrases."""


@dataclass(frozen=True)
class Dropped:
    """How often a picture is trained on without its words, its look or its exemplar, so that any may be left open.

    mirrored_frac: how often one that has an exemplar is mirrored with it, so that it learns less of them by heart
    """

    words_frac: float = 0.1
    look_frac: float = 0.1
    exemplar_frac: float = 0.1
    mirrored_frac: float = 0.0


@dataclass(frozen=True)
class Drawn:
    """What pictures are drawn after: those that were trained on, as an index shows them, and which of them each may be
    drawn after where its style is asked for, and where its source is.

    Shapes: pixels (M, S, S, 4) uint8, places (N, 2, MOST_EXEMPLARS) into them, num (N, 2)
    """

    pixels: Tensor
    places: Tensor
    num: Tensor

    def values(self, rows: Tensor, named: Tensor, chance: Tensor) -> Tensor:
        """One exemplar for each row, drawn by chance; zeros where there is none. named: 0 by style, 1 by source

        Shapes: rows, named, chance (B,) -> (B, 4, S, S)
        """
        num = self.num[rows, named]
        which = self.places[rows, named, (chance * num).long()]
        return values_of(self.pixels[which]) * (num > 0).view(-1, 1, 1, 1)


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
    drawn_after: Drawn | None = None

    def __len__(self) -> int:
        return len(self.pixels)

    def batch(self, rows: Tensor, random: torch.Generator, dropped: Dropped) -> tuple[Tensor, Condition]:
        """Clean pictures and one way to ask for each, drawn by `random`.

        Shapes: rows (B,) -> (B, 4, S, S)
        """
        num, device = len(rows), rows.device
        chance = torch.rand(8 if self.drawn_after else 5, num, generator=random, device=device)
        which = (chance[0] * self.num_phrases[rows]).long() * (chance[1] >= PLAIN_FRAC)
        named = (chance[2] < 0.5).long()
        phrases, looks = self.phrases[rows, which], self.looks[rows, named] * (chance[3] >= dropped.look_frac)
        kept = (chance[4] >= dropped.words_frac).view(-1, 1)
        clean, exemplars = values_of(self.pixels[rows]), None
        if self.drawn_after is not None:
            exemplars = self.drawn_after.values(rows, named, chance[5])
            exemplars = exemplars * (chance[6] >= dropped.exemplar_frac).view(-1, 1, 1, 1)
            turned = (chance[7] < dropped.mirrored_frac) & exemplars.flatten(1).any(1)
            clean, exemplars = (torch.where(turned.view(-1, 1, 1, 1), part.flip(-1), part)
                                for part in (clean, exemplars))
        return clean, Condition(self.words[phrases] * self.scale * kept.unsqueeze(-1), self.present[phrases] & kept,
                                looks, exemplars)

    def asked(self, rows: Tensor) -> Condition:
        """The plainest phrase of each, in its style. Shapes: rows (B,)"""
        phrases, style = self.phrases[rows, 0], torch.zeros_like(rows)
        after = self.drawn_after.values(rows, style, torch.zeros_like(rows)) if self.drawn_after else None
        return Condition(self.words[phrases] * self.scale, self.present[phrases], self.looks[rows, 0], after)


def load_pictures(pack: Pack, split: str, net: PictureShape, device: torch.device) -> Pictures:
    """The pictures of one split for a net, smaller ones enlarged by whole pixels, so hard pixels stay hard; larger ones
    averaged.

    Raises: Damaged, BadInput (no picture of this split)
    """
    size_px = net.size_px
    sizes = sorted({entry.size_px for entry in pack.entries
                    if size_px % entry.size_px == 0 or entry.size_px % size_px == 0})
    places, pixels = list[int](), list[NDArray[np.uint8]]()
    for size in sizes:
        at, found = pack.pixels(size)
        kept = [index for index, place in enumerate(at) if pack.entries[place].split == split]
        places += [at[index] for index in kept]
        pixels.append(resized(found[kept], size_px))
    if not places:
        raise BadInput(f"the pack '{pack.folder}' has no picture of {size_px} pixels for '{split}'")
    words = pack.words
    number = {phrase: index for index, phrase in enumerate(words.phrases)}
    look = {name: index + 1 for index, name in enumerate(pack.looks)}
    entries = [pack.entries[place] for place in places]
    told = [[number[phrase] for phrase in entry.phrases[:MOST_PHRASES]] for entry in entries]
    values, present = padded(words, net.context_tok)
    put = functools.partial(torch.as_tensor, device=device)
    return Pictures(
        pixels=put(np.concatenate(pixels)), phrases=put([row + [0] * (MOST_PHRASES - len(row)) for row in told]),
        num_phrases=put([len(row) for row in told]), words=put(values), present=put(present),
        looks=put([[look[entry.style], look[entry.source]] for entry in entries]), scale=put(words.scale),
        drawn_after=drawn_after(pack, entries, size_px, device) if net.exemplars else None)


def drawn_after(pack: Pack, entries: Sequence[Entry], size_px: int, device: torch.device) -> Drawn:
    """What each of some pictures may be drawn after: never itself, whose look is the one that is asked for.

    Raises: Damaged
    """
    names, vectors = known_concepts(pack)
    shown = list(trained_on(pack))
    exemplars = Exemplars(names, vectors, [told_of(entry) for entry, _ in shown])
    number = {phrase: index for index, phrase in enumerate(pack.words.phrases)}
    places = np.zeros((len(entries), 2, MOST_EXEMPLARS), np.int64)
    num = np.zeros((len(entries), 2), np.int64)
    for row, entry in enumerate(entries):
        asked = pack.words.of(number[entry.phrases[0]]).mean(0)
        for named, look in enumerate((entry.style, entry.source)):
            found = exemplars.near(asked, look)[:MOST_EXEMPLARS]
            places[row, named, :len(found)], num[row, named] = found, len(found)
    put = functools.partial(torch.as_tensor, device=device)
    pixels = np.stack([exemplar_of(small(picture), size_px) for _, picture in shown])
    return Drawn(put(pixels), put(places), put(num))


def known_concepts(pack: Pack) -> tuple[list[str], NDArray[np.float32]]:
    """What the pictures that are trained on show, by name, and each name's words as one vector.

    Shapes: -> (concepts, dim)
    """
    number = {phrase: index for index, phrase in enumerate(pack.words.phrases)}
    found = sorted({entry.phrases[0] for entry in pack.entries if entry.split == "train"})
    return found, np.stack([pack.words.of(number[name]).mean(0) for name in found])


def trained_on(pack: Pack) -> Iterator[tuple[Entry, Pixels]]:
    """Every picture that is learned from."""
    for size_px in sorted({entry.size_px for entry in pack.entries}):
        for place, pixels in zip(*pack.pixels(size_px), strict=True):
            if pack.entries[place].split == "train":
                yield pack.entries[place], pixels


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


def told_of(entry: Entry) -> Told:
    """What an index tells of a picture."""
    return Told(entry.id.partition("/")[2], entry.source, entry.licence, entry.credit, entry.phrases[0], entry.style)
