"""Near-verbatim passages: copies in which words were changed, added or left out.

Short runs of tokens that survived the edit are looked up; those that stand in one document in the same order, about as
far apart as in the text, are seeds of one passage, and the passage is then aligned with the document word by word.
"""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import Match, SequenceMatcher

from makar.kit.errors import BadInput
from makar.tracing.fold import SEPARATOR, Folded, fold
from makar.tracing.index import Index, Place, Shard

SEED_TOK = (3, 5, 8)  # a run that many documents hold is made longer before it is given up
MOST_HITS = 24
GAP_TOK, DRIFT_BYTES = 30, 120  # between seeds of one passage, and how far an edit may shift the text
LEAST_TOK = 20
LEAST_SEEDED_TOK = 8
LEAST_SHARE = 0.55
_EDGE_TOK = 8


@dataclass(frozen=True)
class NearMatch:
    """A passage that resembles one of a document: characters [start, end) of the text.

    share_frac: how many of its tokens stand in the document in the same order
    """

    start: int
    end: int
    num_tok: int
    share_frac: float
    place: Place


@dataclass(frozen=True)
class _Seed:
    """`num_tok` tokens from `first` on stand at byte `at` of a shard."""

    first: int
    num_tok: int
    at: int
    drift: int  # `at` less the byte in the text


@dataclass(frozen=True)
class _Aligned:
    """Tokens [first, last) of the text, bytes [start, end) of the shard, and how many tokens agree."""

    shard: Shard
    first: int
    last: int
    start: int
    end: int
    num_same: int


def near(index: Index, text: str, min_tok: int = LEAST_TOK, share_frac: float = LEAST_SHARE) -> list[NearMatch]:
    """Passages of at least `min_tok` tokens of which at least `share_frac` stand in one document in the same order.

    Verbatim copies are among them. Where passages overlap, the one with the most tokens in common is given.

    Raises: BadInput
    """
    if min_tok < 1 or not 0 < share_frac <= 1:
        raise BadInput(f"near copies need min_tok >= 1 and 0 < share_frac <= 1; got {min_tok} and {share_frac}")
    folded = fold(text)
    found = [aligned for shard in index.shards for seeds in _passages(_seeds(shard, folded))
             if (aligned := _align(shard, folded, seeds)) is not None
             and aligned.last - aligned.first >= min_tok
             and aligned.num_same >= share_frac * (aligned.last - aligned.first)]
    return [NearMatch(*folded.chars(one.first, one.last), one.last - one.first,
                      one.num_same / (one.last - one.first), index.place(one.shard, one.start, one.end))
            for one in _apart(found)]


def _seeds(shard: Shard, folded: Folded) -> Iterator[_Seed]:
    for first in range(len(folded) - SEED_TOK[0] + 1):
        low, high = 0, len(shard.suffixes)
        for num_tok in SEED_TOK:
            if first + num_tok > len(folded):
                break
            low, high = shard.find(folded.part(first, first + num_tok), low, high)
            if high - low <= MOST_HITS:
                for at in shard.order[low:high].tolist():
                    yield _Seed(first, num_tok, at, at - int(folded.starts[first]))
                break


def _passages(seeds: Iterator[_Seed]) -> Iterator[list[_Seed]]:
    """Seeds that lie in one document's stretch in the order of the text, and cover enough of it."""
    open_at: list[list[_Seed]] = []
    drifts: list[int] = []  # of the last seed of each open passage, in order
    for first, group in itertools.groupby(seeds, key=lambda seed: seed.first):
        for seed in group:
            at = bisect.bisect_left(drifts, seed.drift - DRIFT_BYTES)
            best = min((index for index in range(at, len(drifts)) if drifts[index] <= seed.drift + DRIFT_BYTES),
                       key=lambda index: abs(drifts[index] - seed.drift), default=-1)
            passage = [seed]
            if best >= 0:
                del drifts[best]
                passage = [*open_at.pop(best), seed] if open_at[best][-1].first < first else open_at.pop(best)
            at = bisect.bisect_left(drifts, passage[-1].drift)
            drifts.insert(at, passage[-1].drift)
            open_at.insert(at, passage)
        if first % GAP_TOK == 0:
            closed = [passage for passage in open_at if first - passage[-1].first > GAP_TOK]
            yield from filter(_enough, closed)
            open_at = [passage for passage in open_at if first - passage[-1].first <= GAP_TOK]
            drifts = [passage[-1].drift for passage in open_at]
    yield from filter(_enough, open_at)


def _enough(passage: Sequence[_Seed]) -> bool:
    covered = {token for seed in passage for token in range(seed.first, seed.first + seed.num_tok)}
    return len(covered) >= LEAST_SEEDED_TOK


def _align(shard: Shard, folded: Folded, seeds: Sequence[_Seed]) -> _Aligned | None:
    """The best stretch around the seeds: where the text and the document agree more than they differ."""
    first = max(0, seeds[0].first - _EDGE_TOK)
    last = min(len(folded), seeds[-1].first + seeds[-1].num_tok + _EDGE_TOK)
    start, other = _stretch(shard, seeds, int(folded.starts[first]), int(folded.ends[last - 1]))
    ours = [folded.part(at, at + 1).lower() for at in range(first, last)]
    theirs = [other.part(at, at + 1).lower() for at in range(len(other))]
    matcher = SequenceMatcher(None, ours, theirs, autojunk=False)
    kept = _densest([block for block in matcher.get_matching_blocks() if block.size])
    if not kept:
        return None
    head, tail = kept[0], kept[-1]
    return _Aligned(shard, first + head.a, first + tail.a + tail.size, start + int(other.starts[head.b]),
                    start + int(other.ends[tail.b + tail.size - 1]), sum(block.size for block in kept))


def _stretch(shard: Shard, seeds: Sequence[_Seed], begin: int, end: int) -> tuple[int, Folded]:
    """Where the document may have what the text has at bytes [begin, end), and what it says there."""
    first = max(int(shard.begins[shard.document_at(seeds[0].at)]), seeds[0].drift + begin - DRIFT_BYTES // 2)
    held = shard.text[first:max(first, seeds[-1].drift + end + DRIFT_BYTES // 2)].partition(bytes([SEPARATOR]))[0]
    whole = held.lstrip(bytes(range(0x80, 0xC0)))  # the rest of a character that was cut
    return first + len(held) - len(whole), fold(whole.decode(errors="ignore"))


def _densest(blocks: Sequence[Match]) -> Sequence[Match]:
    """The blocks between which agreement outweighs difference most."""
    best, best_from, best_to = 0.0, 0, 0
    score, since = 0.0, 0
    for number, block in enumerate(blocks):
        if number:
            before = blocks[number - 1]
            score -= block.a - before.a - before.size
        if score <= 0:
            score, since = 0.0, number
        score += block.size
        if score > best:
            best, best_from, best_to = score, since, number + 1
    return blocks[best_from:best_to]


def _apart(found: Sequence[_Aligned]) -> list[_Aligned]:
    """Passages that do not overlap, those with the most in common first served; in order."""
    kept: list[_Aligned] = []
    for one in sorted(found, key=lambda one: (-one.num_same, one.last - one.first, one.first)):
        if all(one.last <= other.first or other.last <= one.first for other in kept):
            kept.append(one)
    return sorted(kept, key=lambda one: one.first)
