"""closed_form: the tail approximation against the exact distribution of the sum."""

from __future__ import annotations

import math

import numpy as np
import pytest

from makar.marks.tail import p_value


def exact_tail(weights: list[int], counts: list[int], score: float) -> float:
    """P(sum >= score) by convolving, for whole weights; the sum counts flips from minus half to plus half."""
    mass = np.ones(1)
    for weight, count in zip(weights, counts, strict=True):
        for _ in range(count):
            flip = np.zeros(weight + 1)
            flip[0] = flip[-1] = 0.5
            mass = np.convolve(mass, flip)
    middle = sum(weight * count for weight, count in zip(weights, counts, strict=True)) / 2
    return float(mass[math.ceil(score + middle):].sum())


@pytest.mark.parametrize("deviations", [0.5, 1, 2, 3, 4, 5, 6])
def test_against_the_exact_sum(deviations: float) -> None:
    weights, counts = [10, 9, 7, 4, 3, 1], [40] * 6
    spread = math.sqrt(sum(w * w * c for w, c in zip(weights, counts, strict=True))) / 2
    score = round(deviations * spread)
    exact = exact_tail(weights, counts, score - 0.5)  # the lattice's continuity correction
    told = p_value(score - 0.5, np.array(weights, dtype=float), np.array(counts, dtype=float))
    assert told == pytest.approx(exact, rel=0.02)


def test_edges() -> None:
    weights, counts = np.array([2.0, 1.0]), np.array([10.0, 10.0])
    assert p_value(0.0, weights, counts) == 0.5
    assert p_value(15.0, weights, counts) == pytest.approx(2.0**-20)
    assert p_value(5.0, weights, counts) + p_value(-5.0, weights, counts) == pytest.approx(1.0, abs=1e-9)
    assert p_value(1.0, np.zeros(2), counts) == 1.0
    tails = [p_value(score, weights, counts) for score in np.linspace(-14, 14, 57)]
    assert tails == sorted(tails, reverse=True)
