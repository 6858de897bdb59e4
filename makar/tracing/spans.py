"""Verbatim spans: every run of tokens that a document holds too and that cannot be made longer."""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from makar.kit.errors import BadInput
from makar.tracing.fold import Folded, fold
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
    """Tokens [first, last) of a text, found at the suffixes [low, high) of a shard."""

    shard: Shard
    first: int
    last: int
    low: int
    high: int


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
        num_places = sum(run.high - run.low for run in same)
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
    for at in sorted(run.shard.order[run.low:min(run.high, run.low + MOST_PLACES)].tolist()):
        yield index.place(run.shard, at, at + size)


def _runs(shard: Shard, folded: Folded, min_tok: int) -> Iterator[_Run]:
    """The spans within one shard: each begins where the one before could not reach, and goes as far as it can."""
    possible = possible_starts(shard, folded, min_tok)
    at = last = 0
    while at < len(possible):
        first = int(possible[at])
        if not shard.holds(folded.part(first, first + min_tok)):
            at += 1
            continue
        last = first + _longest(shard, folded, first)
        yield _Run(shard, first, last, *shard.find(folded.part(first, last)))
        while (first := _next(shard, folded, (first, last), min_tok)) >= 0:
            last = first + _longest(shard, folded, first)
            yield _Run(shard, first, last, *shard.find(folded.part(first, last)))
        at = int(np.searchsorted(possible, last + 2 - min_tok))


def _next(shard: Shard, folded: Folded, before: tuple[int, int], min_tok: int) -> int:
    """The first token after `before`'s from which a span reaches beyond it; -1 if none does while long enough."""
    first, last = before
    latest = last + 1 - min_tok
    if last >= len(folded) or latest <= first or not shard.holds(folded.part(latest, last + 1)):
        return -1
    starts = range(first + 1, latest + 1)
    return starts[bisect.bisect_left(starts, True, key=lambda start: shard.holds(folded.part(start, last + 1)))]


def _longest(shard: Shard, folded: Folded, first: int) -> int:
    """How many whole tokens from `first` on the shard holds in a row."""
    start = int(folded.starts[first])
    reach = start + shard.longest(folded.data[start:])
    return int(np.searchsorted(folded.ends, reach, "right")) - first


def possible_starts(shard: Shard, folded: Folded, num_tok: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Tokens from which `num_tok` tokens may be held: all blocks of half as many within them are.

    A few look-ups rule out almost all of a text that was not copied.
    """
    starts = np.arange(max(0, len(folded) - num_tok + 1))
    block = max(1, (num_tok + 1) // 2)
    held = [shard.holds(folded.part(at, at + block)) for at in range(0, len(folded) - block + 1, block)]
    if not len(starts):
        return starts
    missing = np.append(0, np.cumsum([not found for found in held]))
    first, last = -(-starts // block), (starts + num_tok) // block
    return starts[missing[last] == missing[first]]
