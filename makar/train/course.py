"""The course of any run, whatever it learns: steps at a scheduled rate under a time limit, looks at how it goes,
checkpoints, and an interruption that loses nothing.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor

from makar.kit.errors import BadInput, Interrupted
from makar.train.checkpoint import newest
from makar.train.clock import Clock, mind_the_time
from makar.train.config import Schedule
from makar.train.optimise import Optimiser, learning_rate
from makar.train.state import load_state

Taken = TypeVar("Taken")
Seen = TypeVar("Seen")


@dataclass(frozen=True)
class Step(Generic[Taken, Seen]):
    """What a step came to, what was seen if the run looked at itself after it, and its checkpoint if one was written.

    spent_s: what the step itself took
    """

    taken: Taken
    rate: float
    spent_s: float
    seen: Seen | None
    checkpoint: Path | None


@dataclass(frozen=True)
class Course:
    """How a run goes on from step to step.

    peak: the highest rate; limit_s: seconds in all; look_steps: between two looks; a checkpoint is due every
    `checkpoint_steps`, or where that is 0 every `checkpoint_s`; save: writes one and returns where
    """

    recipe: str
    out: Path
    clock: Clock
    schedule: Schedule
    peak: float
    limit_s: float
    look_steps: int
    checkpoint_s: float
    checkpoint_steps: int
    save: Callable[[], Path]

    def run(self, amount: int, take: Callable[[float], Taken], look: Callable[[], Seen]) -> Iterator[Step[Taken, Seen]]:
        """Steps until the last one or the time limit. `take` takes one at a rate, from `amount` of tokens or pictures.

        Raises: Interrupted (after a checkpoint), what `take`, `look` and `save` raise
        """
        clock, first, ended = self.clock, self.clock.step, False
        saved_s, passed_s = time.monotonic(), time.perf_counter()
        try:
            while not ended:
                start_s = time.perf_counter()
                mind_the_time(clock, self.limit_s, self.schedule.decay_frac)
                rate = learning_rate(self.peak, clock.step, warmup_steps=clock.warmup_steps,
                                     decay_start=clock.decay_start, decay_steps=clock.decay_steps)
                taken = take(rate)
                clock.step, clock.num_tok = clock.step + 1, clock.num_tok + amount
                ended, spent_s = clock.step >= clock.last_step, time.perf_counter() - start_s
                seen = look() if ended or clock.step % self.look_steps == 0 else None
                clock.seconds += time.perf_counter() - passed_s  # with what came between the steps
                passed_s, folder = time.perf_counter(), None
                if ended or self._is_due(saved_s):
                    folder, saved_s = self.save(), time.monotonic()
                yield Step(taken, rate, spent_s, seen, folder)
        except KeyboardInterrupt:
            kept = self.save() if clock.step > first else self.out
            raise Interrupted(f"interrupted after step {clock.step:,}; all of it is kept in '{kept}'; go on with: "
                              f"makar train {self.recipe} --resume -o {self.out}") from None

    def _is_due(self, saved_s: float) -> bool:
        if self.checkpoint_steps:
            return self.clock.step % self.checkpoint_steps == 0
        return time.monotonic() - saved_s > self.checkpoint_s

    def require_numbers(self, loss: float, norm: float, where: str = "") -> None:
        """To be called before the weights are moved. Raises: BadInput (the loss or the norm is no number)"""
        if not (math.isfinite(loss) and math.isfinite(norm)):
            raise BadInput(f"training stopped at step {self.clock.step + 1:,}: the loss is {loss} and the gradient's "
                           f"norm {norm}{where}; the last good checkpoint is kept in '{self.out}'. Try a lower rate in "
                           f"a new run: --set optimise.rate={self.peak / 3:.2g}")


def limit_of(minutes: float | None, clock: Clock) -> float:
    """Seconds in all: a run that goes on has that much time again."""
    return math.inf if minutes is None else minutes * 60 + clock.seconds


def restore(out: Path, weights: Mapping[str, Tensor], optimiser: Optimiser) -> tuple[Clock, Mapping[str, Any]]:
    """Puts back the weights and the optimiser of the last checkpoint; returns its clock and what else it says.

    Raises: NotHere, Damaged
    """
    tensors, facts = load_state(newest(out))
    put_back(tensors, weights, optimiser)
    return Clock(**facts["clock"]), facts


@torch.no_grad()
def put_back(tensors: dict[str, Tensor], weights: Mapping[str, Tensor], optimiser: Optimiser) -> None:
    """What a checkpoint holds of one net and its optimiser, back into both."""
    for name, weight in weights.items():
        weight.copy_(tensors.pop(f"net/{name}"))
    optimiser.load(tensors)
