"""From the logits of one step to one token.

The order is fixed: constraint mask, penalties, temperature, top-k, top-p, min-p, the mark, one draw. Log-probabilities
are those of the model's own distribution, before any of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from makar.kit.errors import BadInput, Damaged
from makar.marks.key import ID_CHARS, key
from makar.marks.likelihood import Guess
from makar.marks.text import statement
from makar.marks.tournament import Marker

MAX_LOGPROBS = 20
MAX_STOPS, MAX_STOP_CHARS = 16, 1000
# Tokens below these weights (the best has 1) are sorted only if the mass asked for is not reached without them.
_FLOORS = (1e-2, 1e-4)
_TINY = np.finfo(np.float32).smallest_subnormal  # forbidden tokens weigh 0 and are never candidates

Floats = NDArray[np.float32]
Ids = NDArray[np.int64]


@dataclass(frozen=True)
class Sampling:
    """How tokens are drawn. Temperature 0 takes the most probable token; top_k 0, top_p 1 and min_p 0 keep every token.

    mark: the public id of the key that the draws are marked with; "" leaves them unmarked, as greedy choices always are

    Raises: BadInput (a value out of its range)
    """

    max_tok: int = 512
    temperature: float = 0.7
    top_k: int = 0
    top_p: float = 0.95
    min_p: float = 0.0
    repetition_penalty: float = 1.05
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    seed: int = 0
    stop: tuple[str, ...] = ()
    logprobs: int = 0
    mark: str = ""

    def __post_init__(self) -> None:
        _whole("max_tok", self.max_tok, 1, 2**31)
        _whole("top_k", self.top_k, 0, 2**31)
        _whole("seed", self.seed, 0, 2**63 - 1)
        _whole("logprobs", self.logprobs, 0, MAX_LOGPROBS)
        if self.temperature != 0:
            _between("temperature (0 is greedy)", self.temperature, 0.001, 100)
        _between("top_p", self.top_p, 1e-6, 1)
        _between("min_p", self.min_p, 0, 1)
        _between("repetition_penalty", self.repetition_penalty, 0.01, 100)
        _between("presence_penalty", self.presence_penalty, -100, 100)
        _between("frequency_penalty", self.frequency_penalty, -100, 100)
        _check_stops(self.stop)
        _check_mark(self.mark)

    @property
    def penalised(self) -> bool:
        """Whether tokens seen before change the logits."""
        return self.repetition_penalty != 1 or self.presence_penalty != 0 or self.frequency_penalty != 0

    @property
    def marked(self) -> dict[str, str]:
        """What the record of a work says of its mark."""
        return statement(self.mark, greedy=self.temperature == 0)


@dataclass(frozen=True)
class Choice:
    """One chosen token; where log-probabilities are asked for, its own and the most probable tokens with theirs."""

    token: int
    logprob: float | None = None
    top: tuple[tuple[int, float], ...] = ()


class Chooser:
    """Chooses the tokens of one sequence; its draws depend on its own seed and tokens, never on the batch around it."""

    def __init__(self, sampling: Sampling, prompt_ids: Sequence[int]) -> None:
        """Raises: NotHere (the key to mark with), Damaged"""
        self.sampling = sampling
        self._generator = torch.Generator().manual_seed(sampling.seed)
        self._seen = Seen(prompt_ids) if sampling.penalised else None
        self._marker = Marker(key(sampling.mark), sampling.seed) if "key" in sampling.marked else None

    def choose(self, logits: Tensor, forbid: Callable[[Tensor], object] | None = None) -> Choice:
        """The next token; `forbid` sets the logits of forbidden tokens to -inf in place, on a copy.

        Shapes: logits (V,)
        Raises: Damaged (the logits are not finite), BadInput (`forbid` left no token)
        """
        own: Floats = logits.detach().to("cpu", torch.float32).numpy()
        best = int(own.argmax())  # the lowest id among equals; NaN counts as the largest
        if not math.isfinite(own[best]):
            raise Damaged("the model's output is not a number (NaN or infinite logits), so its weights are damaged;"
                          " run 'makar models verify'")
        token = self._pick(own, best) if forbid is None and self._seen is None else self._pick_held(own, forbid)
        if self._seen is not None:
            self._seen.add(token)
        if self._marker is not None:
            self._marker.push(token)
        return _spelled(own, token, self.sampling.logprobs)

    def _pick_held(self, own: Floats, forbid: Callable[[Tensor], object] | None) -> int:
        """The next token by what grammar and penalties leave of the logits."""
        work = own.copy()
        if forbid is not None:
            forbid(torch.from_numpy(work))
        if self._seen is not None:
            self._seen.penalise(work, self.sampling)
        best = int(work.argmax())
        if work[best] == -math.inf:
            raise BadInput("the constraint forbids every token here; loosen the schema, regex or choice")
        return self._pick(work, best)

    def _pick(self, logits: Floats, best: int) -> int:
        if self.sampling.temperature == 0:
            return best
        uniform = float(torch.rand((), generator=self._generator, dtype=torch.float64))
        ids, weights = kept(apply_temperature(logits, best, self.sampling.temperature), self.sampling)
        place = draw(weights if self._marker is None else self._marker.reweigh(ids, weights), uniform)
        return place if ids is None else int(ids[place])


class Seen:
    """The tokens of one sequence so far: which occurred at all, and how often each was generated."""

    def __init__(self, prompt_ids: Sequence[int]) -> None:
        self._ids: Ids = np.unique(np.asarray(prompt_ids, dtype=np.int64))
        self._slot = {int(token): slot for slot, token in enumerate(self._ids)}
        self._made = np.zeros(len(self._ids), dtype=np.float32)

    def add(self, token: int) -> None:
        """Counts one generated token."""
        slot = self._slot.setdefault(token, len(self._slot))
        if slot == len(self._ids):
            self._ids = np.append(self._ids, token)
            self._made = np.append(self._made, np.float32(0))
        self._made[slot] += 1

    def penalise(self, logits: Floats, sampling: Sampling) -> None:
        """Lowers, in place, the logits of what was seen: repetition first, then presence and frequency.

        Shapes: logits (V,)
        Source: repetition over prompt and output: CTRL (Keskar et al. 2019, arXiv:1909.05858, section 4.1), multiplying
        where the logit is negative so that a penalty always lowers; presence and frequency over the output: OpenAI API
        reference, `logit -= count * frequency + (count > 0) * presence`
        """
        values = logits[self._ids]
        penalty = np.float32(sampling.repetition_penalty)
        values = np.where(values > 0, values / penalty, values * penalty)
        values -= self._made * np.float32(sampling.frequency_penalty)
        values -= (self._made > 0) * np.float32(sampling.presence_penalty)
        logits[self._ids] = values


def apply_temperature(logits: Floats, best: int, temperature: float) -> Floats:
    """Logits over the temperature, shifted so that the best, at index `best`, is 0: no temperature overflows.

    Shapes: (V,) -> (V,)
    Source: Ackley, Hinton, Sejnowski 1985, eq. 5 (Boltzmann distribution)
    """
    scaled: Floats = logits - logits[best]
    scaled /= np.float32(temperature)
    return scaled


def kept(scaled: Floats, sampling: Sampling) -> tuple[Ids | None, Floats]:
    """The tokens that top-k, top-p and min-p leave, best first (lowest id among equals), and their weights.

    Ids are None where nothing is cut: the weights are then those of the whole vocabulary in order.
    Only the tokens that can survive are sorted, so the cost does not grow with the vocabulary's tail. Plain numpy: one
    thread, so that sums round alike on any number of them.

    Shapes: scaled (V,), best 0
    """
    weights: Floats = np.exp(scaled)
    if not sampling.top_k and sampling.top_p >= 1 and sampling.min_p <= 0:
        return None, weights
    if sampling.top_k:
        ids = _best(weights, sampling.top_k)
        ids = ids[weights[ids] >= _TINY]
        mass = float(weights[ids].sum(dtype=np.float64))
    else:
        mass = float(weights.sum())
        ids = _shortlist(weights, mass, sampling)
    near = weights[ids]
    num = len(ids)
    if sampling.top_p < 1:
        num = count_top_p(near, mass, sampling.top_p)
    num = min(num, count_min_p(near, sampling.min_p))
    return ids[:num], near[:num]


def count_top_p(weights: Floats, mass: float, top_p: float) -> int:
    """How many of the best tokens make the smallest set that holds at least `top_p` of the mass.

    Shapes: weights (K,), descending
    Source: Holtzman et al. 2020, arXiv:1904.09751, eq. 2 (nucleus sampling)
    """
    reached = weights.cumsum(dtype=np.float64)
    return min(int(np.searchsorted(reached, top_p * mass)) + 1, len(weights))


def count_min_p(weights: Floats, min_p: float) -> int:
    """How many of the best tokens have at least `min_p` times the probability of the best.

    Shapes: weights (K,), descending
    Source: Nguyen et al. 2024, arXiv:2407.01082, eq. 2
    """
    return max(1, int(np.count_nonzero(weights >= np.float32(min_p) * weights[0])))


def candidates(logits: Tensor, sampling: Sampling, seen: Seen) -> Guess:
    """The tokens that might be drawn from the logits of one step, best first, and how likely each is.

    Shapes: logits (V,)
    """
    own: Floats = logits.to("cpu", torch.float32).numpy().copy()
    seen.penalise(own, sampling)
    ids, weights = kept(apply_temperature(own, int(own.argmax()), sampling.temperature), sampling)
    shares = weights.astype(np.float64)
    return Guess(np.arange(len(own)) if ids is None else ids, shares / shares.sum())


def draw(weights: NDArray[np.floating], uniform: float) -> int:
    """The index at which the running sum of the weights first exceeds `uniform` of their sum.

    Shapes: weights (K,), not necessarily summing to 1
    Source: Devroye 1986, Non-Uniform Random Variate Generation, chapter III.2 (inversion)
    """
    reached = weights.cumsum(dtype=np.float64)
    return int(np.searchsorted(reached, uniform * reached[-1], side="right"))


def _best(values: Floats, num: int) -> Ids:
    """The `num` largest, sorted; of equals at the border the lowest ids stay."""
    border = max(0, len(values) - num)
    return _sorted(values, np.flatnonzero(values >= np.partition(values, border)[border]))[:num]


def _shortlist(weights: Floats, mass: float, sampling: Sampling) -> Ids:
    """Every token that top-p and min-p could leave, perhaps more, sorted."""
    if sampling.top_p >= 1:
        return _sorted(weights, _above(weights, sampling.min_p * 0.999))  # a little below; the exact cut follows
    for floor in _FLOORS:
        ids = _above(weights, floor)
        # The margin covers rounding: sums over the same tokens in another order differ in the last digits.
        if weights[ids].sum(dtype=np.float64) >= sampling.top_p * mass * (1 + 1e-5):
            return _sorted(weights, ids)
    return _sorted(weights, _above(weights, 0.0))


def _above(weights: Floats, floor: float) -> Ids:
    """The possible tokens at or above `floor`, in order."""
    return np.flatnonzero(weights >= max(np.float32(floor), _TINY))


def _sorted(weights: Floats, ids: Ids) -> Ids:
    """Tokens by (weight descending, id ascending), given in order of id."""
    return ids[np.argsort(-weights[ids], kind="stable")]


def _spelled(logits: Floats, token: int, num: int) -> Choice:
    """The choice with as many log-probabilities as were asked for."""
    if not num:
        return Choice(token)
    best = logits.max()
    total = float(best) + math.log(np.exp(logits - best).sum())
    top = tuple((int(one), float(logits[one]) - total) for one in _best(logits, num))
    return Choice(token, float(logits[token]) - total, top)


def _whole(name: str, value: object, low: int, high: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise BadInput(f"{name}: expected a whole number from {low} to {high}, got {value!r}")


def _between(name: str, value: object, low: float, high: float) -> None:
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not low <= value <= high:
        raise BadInput(f"{name}: expected a number from {low:g} to {high:g}, got {value!r}")


def _check_mark(mark: object) -> None:
    if not isinstance(mark, str) or (mark and (len(mark) != ID_CHARS or set(mark) - set("0123456789abcdef"))):
        raise BadInput(f"mark: expected the id of a key ({ID_CHARS} hex digits), or nothing, got {mark!r:.40}")


def _check_stops(stops: object) -> None:
    if not isinstance(stops, tuple) or len(stops) > MAX_STOPS:
        raise BadInput(f"stop: expected a tuple of at most {MAX_STOPS} strings, got {stops!r}")
    for stop in stops:
        if not isinstance(stop, str) or not 1 <= len(stop) <= MAX_STOP_CHARS:
            raise BadInput(f"stop: expected strings of 1 to {MAX_STOP_CHARS} characters, got {str(stop)[:40]!r}")
        if any("\ud800" <= char <= "\udfff" for char in stop):
            raise BadInput(f"stop: {stop!r} holds half of a character (a lone surrogate), which no text contains")
