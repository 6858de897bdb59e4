"""Record to batch: the pictures of a pack in memory, and draws of them with what they may be asked for by."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from makar.codecs.pack import Entry, Pack, Pixels, Words
from makar.codecs.pixels import resized
from makar.kit.errors import BadInput
from makar.nets.patches import Condition
from makar.nets.shapes import PictureShape
from makar.rooms.image.exemplars import Exemplars, exemplar_of
from makar.tracing.pictures import Told, small

MOST_PHRASES, MOST_EXEMPLARS = 4, 8
MOST_SHIFT_PX = 3
PLAIN_FRAC = 0.4
"""How often a picture is asked for by its plainest phrase, rather than by any of its phrases."""


@dataclass(frozen=True)
class Dropped:
    """How often a picture is trained on without its words, its look or its exemplar, so that any may be left open.

    A net that knows its pictures by heart need not look at exemplars. So, of pictures that have one,
    alone_frac: how often words are left out beside it. moved_frac: how often both are moved and mirrored alike, and
    where there are no words, which may name a colour, recoloured
    """

    words_frac: float = 0.1
    look_frac: float = 0.1
    exemplar_frac: float = 0.0
    alone_frac: float = 0.0
    moved_frac: float = 0.0


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
class Change:
    """What is done to pictures and to their exemplars alike. colours: the order of the channels

    Shapes: shifts (B, 2) in pixels, mirrored (B,), colours (B, 3)
    """

    shifts: Tensor
    mirrored: Tensor
    colours: Tensor

    @staticmethod
    def drawn(chance: Tensor, moved: Tensor, recoloured: Tensor) -> Change:
        """Some rows are moved, and of these some recoloured, too. Shapes: chance (4, B), moved, recoloured (B,)"""
        shifts = ((chance[:2] * (2 * MOST_SHIFT_PX + 1)).long() - MOST_SHIFT_PX) * moved
        orders = torch.tensor([*permutations(range(3))], device=chance.device)
        which = (chance[3] * len(orders)).long() * (moved & recoloured)  # the first leaves all as it is
        return Change(shifts.T, (chance[2] < 0.5) & moved, orders[which])

    def __call__(self, pictures: Tensor) -> Tensor:
        """Shapes: (B, 4, S, S) -> the same"""
        device = pictures.device
        each, there = (torch.arange(num, device=device) for num in (len(pictures), pictures.shape[-1]))
        rows = there + self.shifts[:, :1] + MOST_SHIFT_PX
        columns = torch.where(self.mirrored.view(-1, 1), there.flip(0), there) + self.shifts[:, 1:] + MOST_SHIFT_PX
        wide = functional.pad(pictures, (MOST_SHIFT_PX,) * 4, value=-1.0)
        channels = torch.cat((self.colours, self.colours.new_full((len(each), 1), 3)), 1)
        return wide[each.view(-1, 1, 1, 1), channels.view(-1, 4, 1, 1), rows.view(len(each), 1, -1, 1),
                    columns.view(len(each), 1, 1, -1)]


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
        chance = torch.rand(13 if self.drawn_after else 5, num, generator=random, device=device)
        which = (chance[0] * self.num_phrases[rows]).long() * (chance[1] >= PLAIN_FRAC)
        named = (chance[2] < 0.5).long()
        phrases, looks = self.phrases[rows, which], self.looks[rows, named] * (chance[3] >= dropped.look_frac)
        worded = chance[4] >= dropped.words_frac
        clean, exemplars = values_of(self.pixels[rows]), None
        if self.drawn_after is not None:
            exemplars = self.drawn_after.values(rows, named, chance[5])
            exemplars = exemplars * (chance[6] >= dropped.exemplar_frac).view(-1, 1, 1, 1)
            there = exemplars.flatten(1).any(1)
            worded &= ~there | (chance[7] >= dropped.alone_frac)
            change = Change.drawn(chance[9:], there & (chance[8] < dropped.moved_frac), ~worded)
            clean, exemplars = change(clean), change(exemplars)
        kept = worded.view(-1, 1)
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
