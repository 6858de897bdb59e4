"""A run under a time limit: it ends in time, its rate fallen, also where the machine becomes slower."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from makar.train.clock import Clock, mind_the_time
from makar.train.config import Schedule
from makar.train.optimise import learning_rate


def rates_of(step_s: Callable[[int], float], limit_s: float) -> tuple[Clock, list[float]]:
    """A run whose steps take what `step_s` says, and the rate of each of them."""
    clock, rates = Clock.planned(Schedule(num_steps=100_000, warmup_steps=20)), list[float]()
    for step in itertools.count():
        mind_the_time(clock, limit_s, 0.2)
        rates.append(learning_rate(1.0, clock.step, warmup_steps=clock.warmup_steps, decay_start=clock.decay_start,
                                   decay_steps=clock.decay_steps))
        clock.step, clock.seconds = clock.step + 1, clock.seconds + step_s(step)
        if clock.step >= clock.last_step:
            return clock, rates
    raise AssertionError


@pytest.mark.parametrize(("slower", "lowest"), [(1.0, 0.01), (2.0, 0.1), (5.0, 0.3), (30.0, 0.5)])
def test_a_machine_that_becomes_slower_while_the_rate_falls(slower: float, lowest: float) -> None:
    clock, rates = rates_of(lambda step: 1.0 if step < 850 else slower, limit_s=1000.0)
    assert clock.seconds <= 1000.0 + slower
    assert clock.seconds >= 950.0
    falling = rates[805:]
    assert all(after < before for before, after in itertools.pairwise(falling))
    assert max(before - after for before, after in itertools.pairwise(falling)) < 0.3
    assert rates[-1] <= lowest


def test_a_machine_that_becomes_faster_keeps_the_plan() -> None:
    clock, rates = rates_of(lambda step: 1.0 if step < 850 else 0.1, limit_s=1000.0)
    assert clock.step in range(995, 1005)
    assert rates[-1] == pytest.approx(1 / (clock.decay_steps + 1))


def test_the_plan_in_steps_ends_first() -> None:
    clock, rates = Clock.planned(Schedule(num_steps=10, warmup_steps=2)), 0
    while clock.step < clock.last_step:
        mind_the_time(clock, 1e6, 0.2)
        clock.step, clock.seconds, rates = clock.step + 1, clock.seconds + 1.0, rates + 1
    assert rates == 10
