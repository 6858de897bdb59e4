"""How far a run is, and how it ends in time."""

from __future__ import annotations

import math
from dataclasses import dataclass

from makar.train.config import Schedule


@dataclass
class Clock:
    """How far a run is: the numbers that go into its checkpoints.

    decay_start: the step at which the rate begins to fall, known from the start or set by the time limit
    """

    step: int = 0
    num_tok: int = 0
    seconds: float = 0.0
    decay_start: int = 0
    decay_steps: int = 0
    warmup_steps: int = 0
    timed: bool = False

    @classmethod
    def planned(cls, schedule: Schedule) -> Clock:
        """At the beginning of a run of this schedule, which is resolved."""
        decay = round(schedule.num_steps * schedule.decay_frac)
        return cls(decay_start=schedule.num_steps - decay, decay_steps=decay, warmup_steps=schedule.warmup_steps or 0)

    @property
    def last_step(self) -> int:
        """The step after which the run is over."""
        return self.decay_start + self.decay_steps


def mind_the_time(clock: Clock, limit_s: float, decay_frac: float) -> None:
    """Under a time limit the rise of the rate is a tenth of the steps at most, and its fall begins when as much time
    is left as it takes. Where steps become slower after that, it falls faster.
    """
    if not math.isfinite(limit_s) or clock.step < 2:
        return
    steps_left = int((limit_s - clock.seconds) * clock.step / clock.seconds)
    if clock.timed:
        _hurry(clock, max(1, steps_left))
        return
    total = clock.step + steps_left
    decay = max(1, int(total * decay_frac))
    if clock.step < clock.warmup_steps:
        clock.warmup_steps = min(clock.warmup_steps, max(clock.step, total // 10))
    if steps_left <= decay or (total < clock.last_step and clock.step >= clock.decay_start):
        clock.timed, clock.decay_start = True, clock.step
        clock.decay_steps = max(1, min(steps_left, decay))


def _hurry(clock: Clock, steps_left: int) -> None:
    """A fall that no longer ends in time goes on from the rate it has reached, down in the steps that are left."""
    planned = clock.last_step - clock.step
    if steps_left < planned:
        last = clock.step + steps_left
        clock.decay_steps = max(steps_left, round(steps_left * (clock.decay_steps + 1) / planned) - 1)
        clock.decay_start = last - clock.decay_steps


def left_s(clock: Clock, limit_s: float) -> float:
    """The time that the rest will take at the pace so far, or that the limit leaves."""
    by_steps = (clock.last_step - clock.step) * clock.seconds / max(1, clock.step)
    return max(0.0, min(by_steps, limit_s - clock.seconds))
