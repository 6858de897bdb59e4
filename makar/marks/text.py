"""Finds the mark in text. Needs the key and the tokenizer that the text was made with, and no weights.

A text is looked at whole and in windows of 200, 400, 800, ... counted tokens that move on by half, so that a marked
answer is found inside other prose. Half of the allowed false positives goes to the whole, half to the windows, and each
half is shared evenly (Bonferroni) among all windows, lanes, keys and tokenizers: the p-value has all of it in it. The
schemes of earlier versions get a tenth of the whole.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from makar.marks.choice import weights
from makar.marks.finding import Finding
from makar.marks.key import MarkKey
from makar.marks.key import keys as all_keys
from makar.marks.kinds import Mark
from makar.marks.likelihood import Likelihood, Speaker, fitting, likelihood
from makar.marks.tail import p_value
from makar.marks.tokenizers import Known, remembered
from makar.marks.tournament import EARLIER, NUM_LAYERS, SCHEME, Bits, Scheme, messages_at, words

THRESHOLD = 1e-4
"""A text is said to carry a mark where at most this share of unmarked texts would seem to."""
ENOUGH_TOK = 400
"""With fewer counted tokens than this, finding nothing says nothing."""
WINDOW_TOK = 200
DEPTH_WEIGHTS = np.linspace(10, 1, NUM_LAYERS)
"""Earlier layers of a tournament tell more. Source: Dathathri et al. 2024, Methods (weighted mean score)"""

_EARLIER_FRAC = 0.1

Reals = NDArray[np.float64]


def statement(key_id: str, *, greedy: bool) -> dict[str, str]:
    """What a record says of the mark: scheme and public key id, or why there is none."""
    if greedy:
        return {"not_marked": "greedy"}
    return {"scheme": SCHEME.name, "key": key_id} if key_id else {"not_marked": "turned off"}


@dataclass(frozen=True)
class _Reading:
    """A text as one tokenizer and scheme read it.

    starts: at which byte of the text each token begins
    before: for each token with a whole context, which of them last had the same context; -1 for none
    weights: what each token with a whole context counts for where no model is at hand
    compared: with what a model might have said, where one is at hand
    """

    known: Known
    scheme: Scheme
    ids: list[int]
    starts: list[int]
    before: NDArray[np.int64]
    weights: Reals
    compared: Likelihood | None

    def counted(self, start: int, end: int) -> NDArray[np.int64]:
        """Those from `start` to `end` that count there: a context is marked where it stands first, and only there."""
        return start + np.flatnonzero(self.before[start:end] < start)


@dataclass(frozen=True)
class _Match:
    """The best window of one key under one tokenizer, before what was tried elsewhere is taken into account."""

    p_value: float
    key: MarkKey
    reading: _Reading
    start: int
    end: int


def detect(text: str, *, keys: Sequence[MarkKey] | None = None, tokenizers: Sequence[Known] | None = None,
           speaker: Speaker | None = None, threshold: float = THRESHOLD) -> Finding:
    """Whether `text`, or a stretch of it, carries the mark of one of the keys.

    keys: None is every key on this machine, rotated ones too
    tokenizers: None is those that were used with the keys
    speaker: the model that may have made the text; it is asked where the keys alone find nothing. None asks no model

    Raises: Damaged (a key or tokenizer that cannot be read), BadInput (a lone surrogate)
    """
    looked = all_keys() if keys is None else list(keys)
    known = remembered(key.id for key in looked) if tokenizers is None else list(tokenizers)
    if not looked or (not known and speaker is None):
        return Finding(None, 1.0, "no text was marked on this machine, so there is no key to look with", SCHEME.name)
    num_tests = len(looked) * (len(known) + (speaker is not None))
    best = _likeliest(looked, [reading for one in known for reading in _readings(text, one)])
    if speaker is not None and (best is None or best.p_value * num_tests > threshold):
        asked = _likeliest(looked, list(_readings(text, Known((speaker.name,), speaker.tokenizer), speaker)))
        best = min((match for match in (best, asked) if match is not None), key=lambda match: match.p_value)
    assert best is not None, "there is a tokenizer or a model"
    return _told(text, best, min(1.0, best.p_value * num_tests), threshold, num_tests)


def p_values(text: str, keys: Sequence[MarkKey], known: Known, speaker: Speaker | None = None) -> list[float]:
    """How marked a text looks to each key, were it the only one.

    Raises: BadInput (a lone surrogate)
    """
    readings = list(_readings(text, known))
    if speaker is not None:
        readings += _readings(text, known, speaker)
    num_tests = 1 + (speaker is not None)
    return [min(1.0, num_tests * min(_best(key, reading).p_value for reading in readings)) for key in keys]


def _likeliest(keys: Sequence[MarkKey], readings: Sequence[_Reading]) -> _Match | None:
    matches = (_best(key, reading) for key, reading in itertools.product(keys, readings))
    return min(matches, key=lambda match: match.p_value, default=None)


def _readings(text: str, known: Known, speaker: Speaker | None = None) -> Iterator[_Reading]:
    ids, guessed = known.tokenizer.encode(text), None
    raw = [known.tokenizer.bytes_of(token) for token in ids]
    counts_for, starts = weights(raw), list(accumulate(map(len, raw), initial=0))
    if speaker is not None and ids:
        guessed = speaker.guesses(ids)
        places = fitting(ids, guessed)
        if len(places) < len(ids):
            ids, starts = [ids[place] for place in places], [starts[place] for place in places]
            counts_for = counts_for[places]
            guessed = speaker.guesses(ids)
    for scheme in (SCHEME, *EARLIER):
        compared = None if guessed is None else likelihood(scheme, ids, guessed)
        yield _Reading(known, scheme, ids, starts, met_before(ids, scheme.context_tok),
                       counts_for[scheme.context_tok:], compared)


def met_before(ids: Sequence[int], context_tok: int) -> NDArray[np.int64]:
    """For each token with a whole context, which of them last had the same one; -1 for none."""
    met: dict[tuple[int, ...], int] = {}
    before = []
    for number in range(len(ids) - context_tok):
        context = tuple(ids[number:number + context_tok])
        before.append(met.get(context, -1))
        met[context] = number
    return np.array(before, dtype=np.int64)


def _best(key: MarkKey, reading: _Reading) -> _Match:
    """The window in which the key's mark is likeliest, over all lanes."""
    scores, num, scheme = token_scores(key, reading), len(reading.before), reading.scheme
    tried = scheme.num_lanes / (1 - _EARLIER_FRAC if scheme is SCHEME else _EARLIER_FRAC / len(EARLIER))
    spans = list(windows(num))
    best = _Match(1.0, key, reading, 0, num)
    for start, end in [(0, num), *spans]:
        share = 2 * max(1, len(spans)) if (start, end) != (0, num) else 2 if spans else 1
        counted = reading.counted(start, end)
        lane = scores[:, int(scores[counted].sum(axis=0).argmax())]
        p = share * tried * _chance(lane, reading, counted)
        if p < best.p_value:
            best = _Match(p, key, reading, start, end)
    return best


def token_scores(key: MarkKey, reading: _Reading) -> Reals:
    """What each token with a context says for the mark, by lane: the weighted sum of its bits, less what chance gives,
    times what the token counts for; with a model at hand the logarithm of its likelihood ratio.

    Shapes: -> (tokens, lanes)
    """
    scheme = reading.scheme
    if reading.compared is not None:
        return reading.compared.scores(key.derive(scheme.name, 64))
    read = messages_at(reading.ids, range(scheme.context_tok, len(reading.ids)), scheme.context_tok)
    return word_scores(words(key.derive(scheme.name, 64), read)[:, :scheme.num_lanes]) * reading.weights[:, None]


def word_scores(found: Bits) -> Reals:
    """The weighted sum of a word's bits, less what chance gives. Shapes: (...,) -> (...,)"""
    lower, upper = _halves()
    scores: Reals = lower[found & 0x7FFF] + upper[found >> 15 & 0x7FFF]
    return scores


@functools.cache
def _halves() -> Reals:
    """What the lower and the upper fifteen bits of a word say. Shapes: -> (2, 32768)"""
    bits = np.arange(1 << 15)[:, None] >> np.arange(15) & 1
    halves: Reals = np.stack([(bits - 0.5) @ DEPTH_WEIGHTS[:15], (bits - 0.5) @ DEPTH_WEIGHTS[15:]])
    return halves


def windows(num_tok: int) -> Iterator[tuple[int, int]]:
    """The windows shorter than the whole."""
    length = WINDOW_TOK
    while length < num_tok:
        for start in range(0, num_tok - length // 2, length // 2):
            yield start, min(start + length, num_tok)
        length *= 2


def _chance(scores: Reals, reading: _Reading, counted: NDArray[np.int64]) -> float:
    """How likely unmarked tokens are to score as high as those that count. Shapes: scores (tokens,)"""
    if reading.compared is not None:
        return reading.compared.chance(scores, counted)
    score = float(scores[counted].sum())
    if score <= 0:
        return 1.0
    each, nums = np.unique(reading.weights[counted], return_counts=True)
    return p_value(score, np.outer(each, DEPTH_WEIGHTS).ravel(), np.repeat(nums.astype(np.float64), NUM_LAYERS))


def _told(text: str, best: _Match, p: float, threshold: float, num_tests: int) -> Finding:
    reading, whole = best.reading, len(best.reading.before)
    counted = len(reading.counted(best.start, best.end))
    if p <= threshold:
        start, end = _characters(text, best)
        where = "" if (best.start, best.end) == (0, whole) else f" in characters {start:,} to {end:,}"
        says = f"carries the mark of key {best.key.id}{where} (p = {p:.1g}, {counted:,} tokens{_how(reading)})"
        return Finding(True, p, says, reading.scheme.name, best.key.id, reading.known.checkpoints, counted, start, end,
                       num_tests)
    counted = len(reading.counted(0, whole))
    if counted < ENOUGH_TOK:
        return Finding(None, p, f"too short or too predictable to tell: {counted:,} tokens count, {ENOUGH_TOK:,} are "
                       "needed", SCHEME.name, num_tok=counted, num_tests=num_tests)
    return Finding(False, p, f"no mark found in {counted:,} tokens, which does not mean that a person wrote them",
                   SCHEME.name, num_tok=counted, num_tests=num_tests)


def _how(reading: _Reading) -> str:
    return "" if reading.compared is None else " against what the model might have said"


def _characters(text: str, match: _Match) -> tuple[int, int]:
    """The characters from the first context to the last token of a window."""
    reading, raw = match.reading, text.encode()
    last = match.end + reading.scheme.context_tok - 1
    end = reading.starts[last] + len(reading.known.tokenizer.bytes_of(reading.ids[last]))
    return (len(raw[:reading.starts[match.start]].decode(errors="ignore")), len(raw[:end].decode(errors="ignore")))


MARK = Mark(scheme=SCHEME.name, detect=detect)
