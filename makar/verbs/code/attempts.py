"""Answers are tried until one does what was asked; the best so far is kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from makar.kit.sandbox.testing import Outcome

_MOST_FEEDBACK_CHARS = 1500


@dataclass(frozen=True)
class Attempt:
    """A code that was tried.

    worth: 1 where it does what was asked; else how near it came, to tell attempts apart
    complaint: what is wrong with it, in words a model can use
    """

    code: str
    worth: float
    complaint: str = ""

    @property
    def good(self) -> bool:
        """Whether it does what was asked."""
        return self.worth >= 1


def best_of(try_one: Callable[[int, Attempt | None], Attempt], num: int) -> Attempt:
    """Tries up to `num` times, showing the best so far; ends at the first good one."""
    best: Attempt | None = None
    for number in range(num):
        attempt = try_one(number, best)
        if best is None or attempt.worth > best.worth:
            best = attempt
        if best.good:
            break
    assert best is not None
    return best


def judged(code: str, outcome: Outcome) -> Attempt:
    """An attempt as its tests judge it; code that runs but fails is worth more than code that does not."""
    if outcome.ok:
        return Attempt(code, 1.0)
    return Attempt(code, 0.1 if outcome.trouble else 0.2 + 0.7 * outcome.share, complaint_of(outcome))


def complaint_of(outcome: Outcome) -> str:
    """What failing tests say, cut to what a small model can take in: the first two failures."""
    if outcome.trouble:
        return outcome.trouble
    said = [f"{failure.name.rpartition('::')[2]}:\n{failure.message.strip()}" for failure in outcome.failed[:2]]
    return "\n\n".join(said)[-_MOST_FEEDBACK_CHARS:]
