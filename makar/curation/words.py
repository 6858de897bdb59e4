"""Words as 64-bit numbers, of many texts at once: what shingles, n-grams and repeated phrases are made of.

A word is a run of letters, digits and underscores; every character of three or four bytes in UTF-8 (Chinese, Japanese,
Thai and the like, which set no spaces) is a word of its own. Case does not count. The number of a word depends on its
bytes alone, so it is the same in every process and on every machine.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Numbers = np.ndarray[Any, np.dtype[np.uint64]]
Places = np.ndarray[Any, np.dtype[np.int64]]

_WORD, _LONE, _CONTINUES, _PUNCTUATION = 1, 2, 4, 8
_POWER = 0x9E3779B97F4A7C15  # odd, so that it has an inverse modulo 2^64
_STEP = np.uint64(0xD6E8FEB86659FD93)
_MIX = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
_START_TABLE_BYTES = 1 << 20


@dataclass(frozen=True)
class Words:
    """The words of several texts, one after another. `texts[i]` is the text that word i stands in.

    num_texts: how many texts there were, empty ones included
    """

    numbers: Numbers
    texts: Places
    num_texts: int

    def shingles(self, size: int, *, short: bool = False) -> tuple[Numbers, Places]:
        """Every run of `size` words within a text as one number, and the text that it is from.

        short: a text with fewer words gives one run of all it has
        """
        if len(self.numbers) == 0:
            return self.numbers, self.texts
        num = max(0, len(self.numbers) - size + 1)
        runs = np.zeros(num, np.uint64)
        factor = np.uint64(1)
        with np.errstate(over="ignore"):
            for offset in range(size):
                runs += self.numbers[offset:offset + num] * factor
                factor = factor * _STEP
        whole = self.texts[:num] == self.texts[size - 1:size - 1 + num]
        runs, texts = runs[whole], self.texts[:num][whole]
        if short:
            runs, texts = self._with_short(runs, texts, size)
        return mixed(runs), texts

    def _with_short(self, runs: Numbers, texts: Places, size: int) -> tuple[Numbers, Places]:
        counts = np.bincount(self.texts, minlength=self.num_texts)
        few = np.flatnonzero((counts > 0) & (counts < size))
        if len(few) == 0:
            return runs, texts
        starts = np.searchsorted(self.texts, few)
        sums = []
        with np.errstate(over="ignore"):
            for start, count in zip(starts, counts[few], strict=True):
                factors = np.cumprod(np.full(count, _STEP, np.uint64))
                sums.append((self.numbers[start:start + count] * factors).sum(dtype=np.uint64))
        order = np.argsort(np.concatenate([texts, few]), kind="stable")
        return np.concatenate([runs, np.array(sums, np.uint64)])[order], np.concatenate([texts, few])[order]


def mixed(numbers: Numbers) -> Numbers:
    """Numbers whose every bit depends on every bit of the old.

    Source: Steele et al. 2014, Fast splittable pseudorandom number generators, figure 17 (the mixer of SplitMix64)
    """
    with np.errstate(over="ignore"):
        numbers = (numbers ^ (numbers >> np.uint64(30))) * _MIX[0]
        numbers = (numbers ^ (numbers >> np.uint64(27))) * _MIX[1]
        return numbers ^ (numbers >> np.uint64(31))


def words_of(texts: Sequence[str]) -> Words:
    """The words of all texts."""
    encoded = [(text if text.isascii() else text.lower()).encode("utf-8", "replace") for text in texts]
    data = b"".join(text + b"\n" for text in encoded) or b"\n"
    codes = np.frombuffer(data.translate(_lowered()), np.uint8)  # zero between ASCII words
    starts, ends, codes = _ascii_bounds(codes) if data.isascii() else _bounds(codes, data)
    if len(starts) == 0:
        return Words(np.zeros(0, np.uint64), np.zeros(0, np.int64), len(texts))
    powers, inverses = _powers(len(codes))
    with np.errstate(over="ignore"):
        sums = codes * powers
        np.cumsum(sums, out=sums)
        numbers = mixed((sums[ends - 1] - np.where(starts > 0, sums[starts - 1], 0)) * inverses[starts])
    limits = np.cumsum(np.fromiter((len(text) + 1 for text in encoded), np.int64, len(encoded)))
    counts = np.diff(np.searchsorted(starts, limits), prepend=0)
    return Words(numbers, np.repeat(np.arange(len(texts)), counts), len(texts))


def _ascii_bounds(codes: Any) -> tuple[Places, Places, Any]:
    """Where words start and end in a text that ends with a separator."""
    inside = codes != 0
    turns = np.flatnonzero(inside[1:] != inside[:-1]) + 1
    if inside[0]:
        turns = np.concatenate([np.zeros(1, turns.dtype), turns])
    return turns[::2], turns[1::2], codes


def _bounds(codes: Any, data: bytes) -> tuple[Places, Places, Any]:
    kinds = np.frombuffer(data.translate(_kinds()), np.uint8).copy()
    # A continuation byte is of the kind of the byte that leads it, at most three before.
    for _ in range(3):
        follows = np.flatnonzero(kinds == _CONTINUES)
        if len(follows) == 0:
            break
        kinds[follows] = kinds[follows - 1]
    inside = (kinds == _WORD) | (kinds == _LONE)
    before = np.empty_like(kinds)
    before[0], before[1:] = 0, kinds[:-1]
    begins = inside & ((np.frombuffer(data, np.uint8) & 0xC0) != 0x80) & ((before != kinds) | (kinds == _LONE))
    after = np.zeros_like(inside)
    after[:-1] = inside[1:] & ~begins[1:]
    return np.flatnonzero(begins), np.flatnonzero(inside & ~after) + 1, np.where(inside, codes, np.uint8(0))


@functools.cache
def _lowered() -> bytes:
    """What each byte becomes: ASCII letters lower case, what stands between words zero, the rest itself."""
    return bytes(code if code >= 128 else ord(chr(code).lower()) if chr(code).isalnum() or code == 0x5F else 0
                 for code in range(256))


@functools.cache
def _kinds() -> bytes:
    kinds = np.zeros(256, np.uint8)
    for code in range(128):
        kinds[code] = _WORD if chr(code).isalnum() or chr(code) == "_" else 0
    kinds[0x80:0xC0] = _CONTINUES
    kinds[0xC2:0xE0] = _WORD
    kinds[0xE0:0xF5] = _LONE
    kinds[0xE2] = _PUNCTUATION  # dashes, quotation marks, arrows and signs
    return kinds.tobytes()


class _PowerTable:
    """Powers of the hash's base and their inverses, grown when a longer text comes."""

    def __init__(self) -> None:
        self.powers = self.inverses = np.ones(0, np.uint64)

    def up_to(self, size: int) -> tuple[Numbers, Numbers]:
        if len(self.powers) < size:
            size = max(_START_TABLE_BYTES, 1 << (size - 1).bit_length())
            self.powers = _progression(_POWER, size)
            self.inverses = _progression(pow(_POWER, -1, 1 << 64), size)
        return self.powers, self.inverses


_TABLE = _PowerTable()


def _powers(size: int) -> tuple[Numbers, Numbers]:
    powers, inverses = _TABLE.up_to(size)
    return powers[:size], inverses


def _progression(factor: int, size: int) -> Numbers:
    factors = np.full(size, factor, np.uint64)
    factors[0] = 1
    with np.errstate(over="ignore"):
        return np.multiply.accumulate(factors)
