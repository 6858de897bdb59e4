"""Intervals against closed forms and against the promise they make."""

from __future__ import annotations

import numpy as np
import pytest

from makar.evaluate.statistics import bootstrap_ratio, wilson


@pytest.mark.parametrize(("num_passed", "num_items", "low", "high"), [
    (0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (5, 10, 0.2366, 0.7634), (116, 164, 0.6336, 0.7716),
])
def test_wilson_matches_published_tables(num_passed: int, num_items: int, low: float, high: float) -> None:
    interval = wilson(num_passed, num_items)
    assert interval.low == pytest.approx(low, abs=6e-5)
    assert interval.high == pytest.approx(high, abs=6e-5)


def test_nothing_measured_says_nothing() -> None:
    assert (wilson(0, 0).low, wilson(0, 0).high) == (0.0, 1.0)


def test_the_bootstrap_agrees_with_the_normal_interval_of_a_mean() -> None:
    values = np.random.default_rng(3).normal(5.0, 2.0, 4000)
    interval = bootstrap_ratio(values.tolist(), [1.0] * len(values))
    half = 1.96 * values.std() / np.sqrt(len(values))
    assert interval.low == pytest.approx(values.mean() - half, abs=0.01)
    assert interval.high == pytest.approx(values.mean() + half, abs=0.01)


def test_the_bootstrap_covers_the_true_ratio_as_often_as_it_says() -> None:
    generator, covered = np.random.default_rng(5), 0
    for _ in range(200):
        below = generator.uniform(1, 3, 80)
        interval = bootstrap_ratio((below * 2.5 + generator.normal(0, 1, 80)).tolist(), below.tolist(), num_samples=300)
        covered += interval.low <= 2.5 <= interval.high
    assert 0.89 <= covered / 200 <= 0.99


def test_one_block_has_no_width_and_the_same_data_the_same_interval() -> None:
    interval = bootstrap_ratio([6.0], [2.0])
    assert (interval.low, interval.high) == (3.0, 3.0)
    assert bootstrap_ratio([1, 2, 5], [1, 1, 1]) == bootstrap_ratio([1, 2, 5], [1, 1, 1])
