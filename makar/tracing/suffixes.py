"""The order of a text's suffixes, of those alone that begin with a token.

They are sorted by their first bytes until those that are still equal agree in their whole first token, and then by the
ranks of what follows one, two, four and more tokens later: whatever the text, each round doubles what was compared.

Source: Larsson and Sadakane 2007, Faster suffix sorting, section 2; here with tokens for characters
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from makar.tracing.fold import Offsets

_WINDOW_BYTES, _KEY_BYTES = 8, 5
_MOST_KEYED_BYTES = 16  # few suffixes agree in more of a first token than that; it is then compared whole
_CHARACTER_BYTES = np.array([1] * 0xC0 + [2] * 0x20 + [3] * 0x10 + [4] * 0x10)  # by the first of them

Numbers = NDArray[np.uint64]
Flags = NDArray[np.bool_]


def sorted_suffixes(data: bytes, tokens: Offsets) -> NDArray[np.int32]:
    """Where tokens begin, in the order of the text from there on."""
    if not len(tokens):
        return np.empty(0, "<i4")
    windows, sizes = _Windows(data), _symbol_sizes(data, tokens)
    groups = _Groups(windows.at(tokens))
    compared = groups.num_bytes
    while len(tied := groups.tied(sizes, compared)):
        members = groups.order[tied]
        at = tokens[members] + compared
        if compared > _MOST_KEYED_BYTES:
            symbols = zip(at.tolist(), (at + sizes[members] - compared).tolist(), strict=True)
            groups.refine(tied, members, _ranked([data[start:end] for start, end in symbols]), groups.num_bits)
            break
        groups.refine(tied, members, windows.at(at) >> np.uint64(64 - 8 * _KEY_BYTES), 8 * _KEY_BYTES)
        compared += _KEY_BYTES
    num_tok = 1
    while len(tied := groups.tied()):
        members = groups.order[tied]
        groups.refine(tied, members, groups.ranks_after(members, num_tok), groups.num_bits)
        num_tok *= 2
    return tokens[groups.order].astype("<i4")


class _Groups:
    """Suffixes by their number in the text, in the order that is known so far.

    order: the suffixes; ranks: for each suffix the first place in `order` of those that are equal to it so far
    num_bytes: how much of each was compared at first; num_bits: what a rank takes
    """

    def __init__(self, windows: Numbers) -> None:
        num = len(windows)
        self.num_bits = num.bit_length()  # at most 31: beside their number there is room for four bytes and more
        self.num_bytes = (64 - self.num_bits) // 8
        by, self.order = _sorted(windows >> np.uint64(self.num_bits), self.num_bits)
        self.ranks, self._tied = np.empty(num, np.int64), np.ones(num, bool)
        self._settle(np.arange(num), self.order, _changes(by))

    def tied(self, sizes: Offsets | None = None, least: int = 0) -> Offsets:
        """The places in `order` of suffixes that have equals; only of those of which `sizes` is more than `least`."""
        places = np.flatnonzero(self._tied)
        return places if sizes is None else places[sizes[self.order[places]] > least]

    def ranks_after(self, members: Offsets, num_tok: int) -> Numbers:
        """The ranks of what begins `num_tok` tokens later; nothing does at the end of the text, which is lowest."""
        later = members + num_tok
        found = self.ranks[np.minimum(later, len(self.ranks) - 1)] + 1
        found[later >= len(self.ranks)] = 0
        return found.view(np.uint64)

    def refine(self, places: Offsets, members: Offsets, keys: Numbers, key_bits: int) -> None:
        """Sorts the members, which stand at these places in whole groups of equals, within each group by `keys`."""
        firsts = np.flatnonzero(_changes(self.ranks[members]))
        numbers = np.repeat(np.arange(len(firsts), dtype=np.uint64), np.diff(firsts, append=len(places)))
        changes = np.empty(len(places), bool)
        block_bits = (65 - key_bits) // 2  # a group has two members or more, so its number takes a bit less
        for start, end in _blocks(firsts, len(places), 1 << block_bits):
            part = slice(start, end)
            values = numbers[part] - numbers[start] << np.uint64(key_bits) | keys[part]
            by, moved = _sorted(values, block_bits)
            members[part], changes[part] = members[part][moved], _changes(by)
        self.order[places] = members
        self._settle(places, members, changes)

    def _settle(self, places: Offsets, members: Offsets, changes: Flags) -> None:
        """Ranks the members, which stand at these places; a group begins at each of `changes`."""
        firsts = np.flatnonzero(changes)
        sizes = np.diff(firsts, append=len(places))
        self.ranks[members] = np.repeat(places[firsts], sizes)
        self._tied[places[firsts[sizes == 1]]] = False


class _Windows:
    """The eight bytes from each byte of a text on, as a number."""

    def __init__(self, data: bytes) -> None:
        self._last = len(data)  # zeros follow the text
        padded = np.frombuffer(data + bytes(_WINDOW_BYTES), np.uint8)
        self._numbers = np.ndarray(len(data) + 1, np.uint64, padded, strides=(1,))

    def at(self, places: Offsets) -> Numbers:
        """Those at these bytes; in their order the texts are."""
        numbers = self._numbers[np.minimum(places, self._last)]
        return numbers.byteswap(inplace=True) if sys.byteorder == "little" else numbers


def _symbol_sizes(data: bytes, tokens: Offsets) -> Offsets:
    """The bytes of each token's symbol: the token, what separates it from the next, and that one's first character.

    What a symbol holds tells where it ends, so none is the beginning of another, and the order of texts is that of
    their symbols. Only the last one has no such end; it goes on for ever, with nothing in it.
    """
    following = np.frombuffer(data, np.uint8)[tokens[1:]]
    return np.append(np.diff(tokens) + _CHARACTER_BYTES[following], 2 * len(data) + _MOST_KEYED_BYTES * _WINDOW_BYTES)


def _ranked(values: list[bytes]) -> Numbers:
    ranks = {value: rank for rank, value in enumerate(sorted(set(values)))}
    return np.array([ranks[value] for value in values], np.uint64)


def _blocks(firsts: Offsets, size: int, most: int) -> Iterator[tuple[int, int]]:
    """Groups that begin at `firsts`, in blocks of at most `most`, which fit the cache; a larger group alone."""
    start = 0
    while start < size:
        fitting = int(np.searchsorted(firsts, start + most, "right"))
        end = size if start + most >= size else int(firsts[fitting - 1])
        if end == start:
            end = int(firsts[fitting]) if fitting < len(firsts) else size
        yield start, end
        start = end


def _sorted(values: Numbers, bits: int) -> tuple[Numbers, Offsets]:
    """The values in order, and where each stood: in their last `bits` where it fits there, which sorts faster."""
    if len(values) > 1 << bits:
        moved = np.argsort(values, kind="stable")
        return values[moved], moved
    packed = values << np.uint64(bits) | np.arange(len(values), dtype=np.uint64)
    packed.sort()
    return packed >> np.uint64(bits), (packed & np.uint64((1 << bits) - 1)).astype(np.int64)


def _changes(values: Numbers | Offsets) -> Flags:
    """Where a value is not that before it."""
    return np.append(True, values[1:] != values[:-1])
