"""Finds the mark in text. Needs the key and the tokenizer that the text was made with, and no weights.

A text is looked at whole and in windows of 200, 400, 800, ... counted tokens that move on by half, so that a marked
answer is found inside other prose. Half of the allowed false positives goes to the whole, half to the windows, and each
half is shared evenly (Bonferroni) among all windows, lanes, keys and tokenizers: the p-value has all of it in it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from makar.marks.finding import Finding
from makar.marks.key import MarkKey
from makar.marks.key import keys as all_keys
from makar.marks.kinds import Mark
from makar.marks.tail import p_value
from makar.marks.tokenizers import Known, remembered
from makar.marks.tournament import CONTEXT_TOK, NUM_LANES, NUM_LAYERS, SCHEME, messages_at, words

THRESHOLD = 1e-4
"""A text is said to carry a mark where at most this share of unmarked texts would seem to."""
ENOUGH_TOK = 400
"""With fewer counted tokens than this, finding nothing says nothing."""
WINDOW_TOK = 200
DEPTH_WEIGHTS = np.linspace(10, 1, NUM_LAYERS)
"""Earlier layers of a tournament tell more. Source: Dathathri et al. 2024, Methods (weighted mean score)"""

Reals = NDArray[np.float64]
Weigh = Callable[[Sequence[int]], Sequence[float]]


def surprise_weights(log_probs: Sequence[float]) -> list[float]:
    """What tokens weigh by their natural log-probabilities to a model: up to three bits of surprise, for where nothing
    could be chosen nothing could be marked.

    Shapes: log-probabilities of all tokens after the first -> one weight for every token
    """
    return [0.0, *(min(3.0, -float(value) / math.log(2)) for value in log_probs)]


def statement(key_id: str, *, greedy: bool) -> dict[str, str]:
    """What a record says of the mark: scheme and public key id, or why there is none."""
    if greedy:
        return {"not_marked": "greedy"}
    return {"scheme": SCHEME, "key": key_id} if key_id else {"not_marked": "turned off"}


@dataclass(frozen=True)
class _Reading:
    """A text as one tokenizer reads it: the places of its counted tokens, and what each weighs."""

    known: Known
    ids: list[int]
    counted: NDArray[np.int64]
    weights: Reals | None


@dataclass(frozen=True)
class _Match:
    """The best window of one key under one tokenizer, before what was tried elsewhere is taken into account."""

    p_value: float
    key: MarkKey
    reading: _Reading
    start: int
    end: int


def detect(text: str, *, keys: Sequence[MarkKey] | None = None, tokenizers: Sequence[Known] | None = None,
           weigh: Weigh | None = None, threshold: float = THRESHOLD) -> Finding:
    """Whether `text`, or a stretch of it, carries the mark of one of the keys.

    keys: None is every key on this machine, rotated ones too
    tokenizers: None is those that were used with the keys
    weigh: token ids to what each weighs, as by `surprise_weights` of the model that may have made them; None counts all
    alike. It may depend on the text, never on a key, or the p-value is wrong.

    Raises: Damaged (a key or tokenizer that cannot be read), BadInput (a lone surrogate)
    """
    looked = all_keys() if keys is None else list(keys)
    known = remembered(key.id for key in looked) if tokenizers is None else list(tokenizers)
    if not looked or not known:
        return Finding(None, 1.0, "no text was marked on this machine, so there is no key to look with", SCHEME)
    readings = [_read(text, one, weigh) for one in known]
    num_tests = len(looked) * len(known) * NUM_LANES
    matches = [_best(key, reading) for key, reading in itertools.product(looked, readings)]
    best = min(matches, key=lambda match: match.p_value)
    p = min(1.0, best.p_value * num_tests)
    return _told(text, best, p, threshold, num_tests)


def _read(text: str, known: Known, weigh: Weigh | None) -> _Reading:
    ids = known.tokenizer.encode(text)
    met: set[tuple[int, ...]] = set()
    counted = []
    for place in range(CONTEXT_TOK, len(ids)):
        context = tuple(ids[place - CONTEXT_TOK:place])
        if context not in met:
            met.add(context)
            counted.append(place)
    places = np.array(counted, dtype=np.int64)
    weights = None if weigh is None or not counted else np.asarray(weigh(ids), dtype=np.float64)[places]
    return _Reading(known, ids, places, weights)


def _best(key: MarkKey, reading: _Reading) -> _Match:
    """The window in which the key's mark is likeliest, over all lanes."""
    scores = token_scores(key, reading)
    num = len(scores)
    reached = np.concatenate((np.zeros((1, NUM_LANES)), scores.cumsum(axis=0)))
    spans = list(windows(num))
    best = _Match(1.0, key, reading, 0, num)
    for start, end in [(0, num), *spans]:
        share = 2 * max(1, len(spans)) if (start, end) != (0, num) else 2 if spans else 1
        score = float((reached[end] - reached[start]).max())
        p = share * _chance(score, reading, start, end)
        if p < best.p_value:
            best = _Match(p, key, reading, start, end)
    return best


def token_scores(key: MarkKey, reading: _Reading) -> Reals:
    """What each counted token says for the mark, by lane: the weighted sum of its bits, less what chance gives.

    Shapes: -> (tokens, lanes)
    """
    found = words(key.derive(SCHEME, 64), messages_at(reading.ids, reading.counted.tolist()))[:, :NUM_LANES]
    scores = np.full(found.shape, -DEPTH_WEIGHTS.sum() / 2)
    for layer, weight in enumerate(DEPTH_WEIGHTS):
        scores += weight * (found >> np.uint32(layer) & np.uint32(1))
    return scores if reading.weights is None else scores * reading.weights[:, None]


def windows(num_tok: int) -> Iterator[tuple[int, int]]:
    """The windows shorter than the whole."""
    length = WINDOW_TOK
    while length < num_tok:
        for start in range(0, num_tok - length // 2, length // 2):
            yield start, min(start + length, num_tok)
        length *= 2


def _chance(score: float, reading: _Reading, start: int, end: int) -> float:
    """How likely unmarked tokens are to reach the score."""
    if score <= 0 or end <= start:
        return 1.0
    if reading.weights is None:
        return p_value(score, DEPTH_WEIGHTS, np.full(NUM_LAYERS, float(end - start)))
    weights = np.outer(reading.weights[start:end], DEPTH_WEIGHTS).ravel()
    return p_value(score, weights, np.ones(len(weights)))


def _told(text: str, best: _Match, p: float, threshold: float, num_tests: int) -> Finding:
    num_tok = best.end - best.start
    if p <= threshold:
        start, end = _characters(text, best)
        where = "" if num_tok == len(best.reading.counted) else f" in characters {start:,} to {end:,}"
        says = f"carries the mark of key {best.key.id}{where} (p = {p:.1g}, {num_tok:,} tokens)"
        return Finding(True, p, says, SCHEME, best.key.id, best.reading.known.checkpoints, num_tok, start, end,
                       num_tests)
    counted = len(best.reading.counted)
    if counted < ENOUGH_TOK:
        return Finding(None, p, f"too short or too predictable to tell: {counted:,} tokens count, {ENOUGH_TOK:,} are "
                       "needed", SCHEME, num_tok=counted, num_tests=num_tests)
    return Finding(False, p, f"no mark found in {counted:,} tokens, which does not mean that a person wrote them",
                   SCHEME, num_tok=counted, num_tests=num_tests)


def _characters(text: str, match: _Match) -> tuple[int, int]:
    """The characters from the first context to the last token of a window."""
    counted, bytes_of = match.reading.counted, match.reading.known.tokenizer.bytes_of
    first, last = int(counted[match.start]) - CONTEXT_TOK, int(counted[match.end - 1]) + 1
    ends = np.cumsum([0, *(len(bytes_of(token)) for token in match.reading.ids)])
    raw = text.encode()
    return len(raw[:ends[first]].decode(errors="ignore")), len(raw[:ends[last]].decode(errors="ignore"))


MARK = Mark(scheme=SCHEME, detect=detect)
