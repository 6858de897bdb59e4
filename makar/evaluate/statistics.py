"""Intervals: how far a figure could be from the one that endless data would give."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

LEVEL_FRAC = 0.95
Z = 1.959963984540054  # the normal quantile of (1 + LEVEL_FRAC) / 2


@dataclass(frozen=True)
class Interval:
    """The range that holds the true figure in `level_frac` of all samples drawn like this one."""

    low: float
    high: float
    method: str
    level_frac: float = LEVEL_FRAC


def wilson(num_passed: int, num_items: int) -> Interval:
    """The interval of a share of passes.

    Source: Wilson 1927; Brown, Cai, DasGupta 2001, section 3.1.1
    """
    if num_items == 0:
        return Interval(0.0, 1.0, "wilson")
    share, spread = num_passed / num_items, Z * Z / num_items
    centre = (share + spread / 2) / (1 + spread)
    half = Z * math.sqrt(share * (1 - share) / num_items + spread / (4 * num_items)) / (1 + spread)
    return Interval(max(0.0, centre - half), min(1.0, centre + half), "wilson")


def bootstrap_ratio(above: Sequence[float], below: Sequence[float], *, num_samples: int = 2000) -> Interval:
    """The interval of sum(above) / sum(below) over blocks drawn with replacement; percentiles, fixed seed.

    Source: Efron 1979; Efron and Tibshirani 1993, section 13.3
    """
    tops, bottoms = np.asarray(above, dtype=np.float64), np.asarray(below, dtype=np.float64)
    generator = np.random.default_rng(0)
    ratios = np.empty(num_samples)
    for index in range(num_samples):
        drawn = generator.integers(0, len(tops), len(tops))
        ratios[index] = tops[drawn].sum() / bottoms[drawn].sum()
    low, high = np.quantile(ratios, [(1 - LEVEL_FRAC) / 2, (1 + LEVEL_FRAC) / 2])
    return Interval(float(low), float(high), "bootstrap over blocks")
