"""Verbatim spans: every run of tokens that a document holds too and that cannot be made longer."""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from makar.kit.errors import BadInput
from makar.tracing.fold import Folded, Offsets, fold
from makar.tracing.index import Index, Place, Shard

LEAST_TOK = 20
MOST_PLACES = 8


@dataclass(frozen=True)
class Match:
    """A verbatim span: characters [start, end) of the text, `num_tok` tokens, and where documents hold it.

    places: the first few of `num_places`
    """

    start: int
    end: int
    num_tok: int
    num_places: int
    places: tuple[Place, ...]


@dataclass(frozen=True)
class _Run:
    """Tokens [first, last) of a text, and the bytes of a shard at which they stand."""

    shard: Shard
    first: int
    last: int
    places: Offsets


def spans(index: Index, text: str, min_tok: int = LEAST_TOK) -> list[Match]:
    """Every span of at least `min_tok` tokens that `index` holds verbatim and that no other such span contains.

    Raises: BadInput
    """
    if min_tok < 1:
        raise BadInput(f"a span has at least one token; got {min_tok}")
    folded = fold(text)
    runs = [run for shard in index.shards for run in _runs(shard, folded, min_tok)]
    matches = []
    for (first, last), same in sorted(_outermost(runs).items()):
        places = [place for run in same for place in _places(index, run, folded)]
        num_places = sum(len(run.places) for run in same)
        matches.append(Match(*folded.chars(first, last), last - first, num_places, tuple(places[:MOST_PLACES])))
    return matches


def _outermost(runs: list[_Run]) -> Mapping[tuple[int, int], list[_Run]]:
    """The runs of all shards by their tokens, without those that lie within another."""
    kept: dict[tuple[int, int], list[_Run]] = {}
    furthest = -1
    for run in sorted(runs, key=lambda run: (run.first, -run.last)):
        if (run.first, run.last) in kept or run.last > furthest:
            kept.setdefault((run.first, run.last), []).append(run)
            furthest = run.last
    return kept


def _places(index: Index, run: _Run, folded: Folded) -> Iterator[Place]:
    size = len(folded.part(run.first, run.last))
    for at in np.sort(run.places)[:MOST_PLACES].tolist():
        yield index.place(run.shard, at, at + size)


def _runs(shard: Shard, folded: Folded, min_tok: int) -> Iterator[_Run]:
    """The spans within one shard: each begins where the one before could not reach, and goes as far as it can."""
    possible = possible_starts(shard, folded, min_tok)
    at = 0
    while at < len(possible):
        first = int(possible[at])
        if not held(shard, folded, first, first + min_tok):
            at += 1
            continue
        while first >= 0:
            run = _longest(shard, folded, first)
            yield run
            first = _next(run, folded, min_tok)
        at = int(np.searchsorted(possible, run.last + 2 - min_tok))


def _next(before: _Run, folded: Folded, min_tok: int) -> int:
    """The first token after `before`'s from which a span reaches beyond it; -1 if none does while long enough."""
    last = before.last + 1
    latest = last - min_tok
    if last > len(folded) or latest <= before.first or not held(before.shard, folded, latest, last):
        return -1
    starts = range(before.first + 1, latest + 1)
    return starts[bisect.bisect_left(starts, True, key=lambda start: held(before.shard, folded, start, last))]


def held(shard: Shard, folded: Folded, first: int, last: int) -> bool:
    """Whether the shard holds tokens [first, last) in a row, whole."""
    return shard.holds(folded.part(first, last), is_open=folded.is_open(last))


def _longest(shard: Shard, folded: Folded, first: int) -> _Run:
    """The run of whole tokens from `first` on that goes furthest."""
    start = int(folded.starts[first])
    reach = start + shard.longest(folded.data[start:])
    last = int(np.searchsorted(folded.ends, reach, "right"))
    if folded.ends[last - 1] == reach and not held(shard, folded, first, last):
        last -= 1  # the last word is only the beginning of the one that stands there
    return _Run(shard, first, last, shard.places(folded.part(first, last), is_open=folded.is_open(last)))


def possible_starts(shard: Shard, folded: Folded, num_tok: int) -> Offsets:
    """Tokens from which `num_tok` tokens may be held: all blocks of half as many within them are.

    A few look-ups rule out almost all of a text that was not copied.
    """
    starts = np.arange(max(0, len(folded) - num_tok + 1))
    block = max(1, (num_tok + 1) // 2)
    blocks = [shard.holds(folded.part(at, at + block)) for at in range(0, len(folded) - block + 1, block)]
    if not len(starts):
        return starts
    missing = np.append(0, np.cumsum([not found for found in blocks]))
    first, last = -(-starts // block), (starts + num_tok) // block
    return starts[missing[last] == missing[first]]
