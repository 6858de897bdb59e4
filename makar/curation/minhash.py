"""Signatures that agree in as many places as two documents share of what they say.

One permutation hashing: every run of words is hashed once and falls into one of 128 bins, of which each keeps its
least value; empty bins borrow from full ones. Two documents agree in a bin with the probability that a run of either is
a run of both, just as with 128 permutations, for the cost of one.
Source: Li, Owen & Zhang 2012, One permutation hashing; Shrivastava 2017, Optimal densification (arXiv:1703.04664)
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from makar.curation.words import words_of

NUM_BINS = 128
_EMPTY = np.uint32(0xFFFFFFFF)
_MOST_BORROWINGS = 512
BATCH_CHARS = 400_000
Signatures = np.ndarray[Any, np.dtype[np.uint32]]


def signatures(texts: Sequence[str], *, shingle_words: int) -> Signatures:
    """One row for each text; a text without a word has a row of nothing but `0xFFFFFFFF`.

    Shapes: (len(texts), 128)
    """
    rows: list[Signatures] = []
    batch: list[str] = []
    num_chars = 0
    for text in texts:
        batch.append(text)
        num_chars += len(text)
        if num_chars >= BATCH_CHARS:
            rows.append(_batch(batch, shingle_words))
            batch, num_chars = [], 0
    if batch:
        rows.append(_batch(batch, shingle_words))
    return np.concatenate(rows) if rows else np.zeros((0, NUM_BINS), np.uint32)


def _batch(texts: Sequence[str], shingle_words: int) -> Signatures:
    runs, owners = words_of(texts).shingles(shingle_words, short=True)
    least = np.full(len(texts) * NUM_BINS, _EMPTY, np.uint32)
    bins = owners * NUM_BINS + (runs >> np.uint64(57)).astype(np.int64)
    values = ((runs >> np.uint64(20)) & np.uint64(0xFFFFFFFF)).astype(np.uint32)
    np.minimum.at(least, bins, np.minimum(values, _EMPTY - np.uint32(1)))
    return _densified(least.reshape(len(texts), NUM_BINS))


def _densified(rows: Signatures) -> Signatures:
    """Every empty bin takes the value of the first full bin in an order that is its own."""
    full = rows != _EMPTY
    some = full.any(axis=1)
    row, bin = np.nonzero(~full & some[:, None])
    result = rows.copy()
    for turn in range(_MOST_BORROWINGS):
        if len(row) == 0:
            return result
        lender = _lenders()[turn, bin]
        lends = full[row, lender]
        result[row[lends], bin[lends]] = rows[row[lends], lender[lends]]
        row, bin = row[~lends], bin[~lends]
    # So few full bins that no turn met one: any will do, as long as it is the same for the same text.
    result[row, bin] = rows[row, full[row].argmax(axis=1)]
    return result


@functools.cache
def _lenders() -> Any:
    return np.random.Generator(np.random.PCG64(20170816)).integers(0, NUM_BINS, (_MOST_BORROWINGS, NUM_BINS))


def similarity(left: Signatures, right: Signatures) -> Any:
    """The estimated share of runs in common, row by row.

    Shapes: (n, 128) and (n, 128) -> (n,)
    """
    return (left == right).mean(axis=1, dtype=np.float32)
