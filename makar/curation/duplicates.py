"""Documents that say what another says: the same bytes, or nearly the same words.

Near duplicates share a band of their signatures (locality-sensitive hashing), and then at least `threshold` of all of
it. Of documents joined by such pairs the first that was read is kept.
Source: Leskovec, Rajaraman & Ullman, Mining of Massive Datasets, section 3.4; Lee et al. 2021 (arXiv:2107.06499)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from makar.curation.minhash import NUM_BINS, Signatures, similarity
from makar.curation.words import mixed
from makar.kit.errors import BadInput

Indices = np.ndarray[Any, np.dtype[np.int64]]
_PAIRS_AT_ONCE = 65_536
_EMPTY = 0xFFFFFFFF
_FOUND_PROB = 0.99


@dataclass(frozen=True)
class DuplicatesConfig:
    """`threshold`: the estimated share of runs of `shingle_words` words in common from which on a document is a near
    duplicate (1 or more: only exact duplicates are looked for).
    """

    threshold: float = 0.7
    shingle_words: int = 3

    def __post_init__(self) -> None:
        if not self.threshold > 0 or self.shingle_words < 1:
            raise BadInput(f"duplicates: expected a threshold over 0 and shingles of a word or more, got "
                           f"{self.threshold:g} and {self.shingle_words}")


def bands_of(threshold: float) -> tuple[int, int]:
    """(bands, rows): the longest bands that still find a pair at the threshold with probability 0.99."""
    for rows in range(NUM_BINS, 0, -1):
        bands = NUM_BINS // rows
        if 1 - (1 - threshold**rows) ** bands >= _FOUND_PROB:
            return bands, rows
    return NUM_BINS, 1


def exact_duplicates(hashes: Any) -> Indices:
    """For each document the first one with the same hash, or -1 where it is the first.

    Shapes: (n, 32) bytes -> (n,)
    """
    keys = np.ascontiguousarray(hashes).view("S32").reshape(-1) if len(hashes) else np.zeros(0, "S32")
    words = np.ascontiguousarray(hashes).view("<u8").reshape(-1, 4)
    first = np.full(len(keys), -1, np.int64)
    order = np.lexsort((np.arange(len(keys)), words[:, 1], words[:, 0]))
    same = np.zeros(len(keys), bool)
    same[1:] = (words[order][1:] == words[order][:-1]).all(axis=1)
    heads = np.maximum.accumulate(np.where(same, 0, np.arange(len(keys))))
    first[order[same]] = order[heads[same]]
    return first


def near_duplicates(signatures: Signatures, config: DuplicatesConfig) -> tuple[Indices, Any]:
    """For each document the earlier one that it repeats, or -1 where it is kept; and how much it shares with it.

    Only one column of bands is in memory at a time: about 60 bytes for each document.

    Shapes: (n, 128) -> (n,), (n,)
    """
    num = len(signatures)
    twins, shares = np.full(num, -1, np.int64), np.zeros(num, np.float32)
    if config.threshold >= 1 or num < 2:
        return twins, shares
    groups = _Groups(num)
    bands, rows = bands_of(config.threshold)
    for band in range(bands):
        left, right = _candidates(signatures, slice(band * rows, (band + 1) * rows))
        apart = groups.roots(left) != groups.roots(right)
        for low, high, share in _verified(signatures, left[apart], right[apart], config.threshold):
            groups.join(low, high)
            better = (twins[high] < 0) | (low < twins[high])
            twins[high[better]], shares[high[better]] = low[better], share[better]
    kept = groups.roots(np.arange(num)) == np.arange(num)
    twins[kept] = -1
    return groups.named(twins, kept), shares


def _candidates(signatures: Signatures, columns: slice) -> tuple[Indices, Indices]:
    """Pairs of documents that agree in a band: each with the first of its bucket and with the one before it."""
    part = np.ascontiguousarray(signatures[:, columns]).astype(np.uint64)
    keys = np.zeros(len(part), np.uint64)
    for column in range(part.shape[1]):
        keys = mixed(keys + part[:, column] + np.uint64(column + 1))
    said = np.flatnonzero(part[:, 0] != _EMPTY)  # a text without a word is like no other
    order = said[np.argsort(keys[said], kind="stable")]
    same = np.zeros(len(order), bool)
    same[1:] = keys[order[1:]] == keys[order[:-1]]
    heads = np.maximum.accumulate(np.where(same, 0, np.arange(len(order))))
    member = np.flatnonzero(same)
    lefts = np.concatenate([order[heads[member]], order[member - 1]])
    rights = np.concatenate([order[member], order[member]])
    pairs = np.unique(np.stack([lefts, rights], axis=1), axis=0) if len(member) else np.zeros((0, 2), np.int64)
    return pairs[:, 0], pairs[:, 1]


def _verified(signatures: Signatures, left: Indices, right: Indices,
              threshold: float) -> Iterator[tuple[Indices, Indices, Any]]:
    for start in range(0, len(left), _PAIRS_AT_ONCE):
        low, high = left[start:start + _PAIRS_AT_ONCE], right[start:start + _PAIRS_AT_ONCE]
        share = similarity(signatures[low], signatures[high])
        alike = share >= threshold
        if alike.any():
            yield low[alike], high[alike], share[alike]


class _Groups:
    """Documents joined into groups; the root of a group is its first document."""

    def __init__(self, num: int) -> None:
        self._above: Indices = np.arange(num)

    def roots(self, members: Indices) -> Indices:
        """The first document of each member's group."""
        roots = self._above[members]
        while True:
            higher = self._above[roots]
            if np.array_equal(higher, roots):
                self._above[members] = roots
                return roots
            roots = higher

    def join(self, left: Indices, right: Indices) -> None:
        """Makes one group of the groups of each pair."""
        while len(left):
            low, high = self.roots(left), self.roots(right)
            low, high = np.minimum(low, high), np.maximum(low, high)
            apart = low != high
            left, right, low, high = left[apart], right[apart], low[apart], high[apart]
            np.minimum.at(self._above, high, low)

    def named(self, twins: Indices, kept: Any) -> Indices:
        """Each dropped document's twin, or, where none was met directly, the first of its group."""
        lost = ~kept & (twins < 0)
        twins[lost] = self.roots(np.flatnonzero(lost))
        return twins
