"""How likely unmarked text is to score as high: the tail of a weighted sum of coin flips.

Under the null hypothesis the bits of a text's tokens are fair and independent, because each distinct context is counted
once and nobody wrote the text knowing the key. No reference texts and no fitted constants are needed.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.float64]
_LEAST = 1e-300
_STEEPEST = 1e4


def p_value(score: float, weights: Reals, counts: Reals) -> float:
    """The chance that the sum of `counts` flips of each weight, plus or minus half of it, reaches `score`.

    Shapes: weights (k,), counts (k,)
    Source: Lugannani and Rice 1980, Saddle point approximation for the distribution of the sum of independent random
    variables, Adv. Appl. Prob. 12, eq. for the tail; the cumulant of a flip of w is log cosh(s w / 2)
    """
    spread = math.sqrt(float(counts @ weights**2)) / 2
    if spread == 0:
        return 1.0
    if score >= 0.999999 * float(counts @ weights) / 2:
        return float(max(_LEAST, 0.5 ** float(counts[weights > 0].sum())))
    if abs(score) < 1e-3 * spread:
        return 0.5 - score / spread / math.sqrt(2 * math.pi)
    point = _saddle(score, weights, counts)
    half = weights / 2
    cumulant = float(counts @ np.logaddexp(point * half, -point * half)) - math.log(2) * float(counts.sum())
    curve = float(counts @ (half / np.cosh(np.clip(point * half, -300, 300)))**2)
    deviance = math.copysign(math.sqrt(max(0.0, 2 * (point * score - cumulant))), point)
    lever = point * math.sqrt(curve)
    tail = 0.5 * math.erfc(deviance / math.sqrt(2))
    density = math.exp(-deviance**2 / 2) / math.sqrt(2 * math.pi)
    return min(1.0, max(_LEAST, tail + density * (1 / lever - 1 / deviance)))


def p_value_of_draws(score: float, draws: Reals) -> float:
    """The chance that the sum of one draw from each row reaches `score`; all draws of a row are equally likely.

    Shapes: draws (rows, draws)
    Source: Lugannani and Rice 1980, as above; the cumulants are those of the draws (Davison and Hinkley 1988,
    Saddlepoint approximations in resampling methods, Biometrika 75)
    """
    if not len(draws) or score <= float(draws.mean(axis=1).sum()):
        return 1.0
    centred = draws - draws.mean(axis=1, keepdims=True)
    above, most = score - float(draws.mean(axis=1).sum()), float(centred.max(axis=1).sum())
    if above >= 0.999999 * most:
        return _LEAST
    low, high = 0.0, 1.0
    while _tilted(centred, high)[1] < above and high < _STEEPEST:
        low, high = high, 2 * high
    for _ in range(40):
        point = (low + high) / 2
        low, high = (point, high) if _tilted(centred, point)[1] < above else (low, point)
    cumulant, _, curve = _tilted(centred, high)
    deviance, lever = math.sqrt(max(0.0, 2 * (high * above - cumulant))), high * math.sqrt(curve)
    if deviance < 0.1:
        return 1.0
    density = math.exp(-deviance**2 / 2) / math.sqrt(2 * math.pi)
    return min(1.0, max(_LEAST, 0.5 * math.erfc(deviance / math.sqrt(2)) + density * (1 / lever - 1 / deviance)))


def _tilted(draws: Reals, point: float) -> tuple[float, float, float]:
    """The cumulant of the sum at a point, and its first two derivatives."""
    most = draws.max(axis=1, keepdims=True)
    weights = np.exp(point * (draws - most))
    total = weights.sum(axis=1)
    mean = (weights * draws).sum(axis=1) / total
    spread = (weights * draws**2).sum(axis=1) / total - mean**2
    cumulant = np.log(total / draws.shape[1]) + point * most[:, 0]
    return float(cumulant.sum()), float(mean.sum()), float(max(spread.sum(), 1e-12))


def _saddle(score: float, weights: Reals, counts: Reals) -> float:
    """Where the derivative of the cumulant is `score`: Newton's steps inside a shrinking bracket."""
    half = weights / 2
    low, high = (0.0, 1.0) if score > 0 else (-1.0, 0.0)
    while float(counts @ (half * np.tanh(high * half))) < score:
        low, high = high, high * 2
    while float(counts @ (half * np.tanh(low * half))) > score:
        low, high = low * 2, low
    point = (low + high) / 2
    for _ in range(60):
        tanh = np.tanh(point * half)
        miss = float(counts @ (half * tanh)) - score
        low, high = (low, point) if miss > 0 else (point, high)
        slope = float(counts @ (half**2 * (1 - tanh**2)))
        step = point - miss / slope if slope > 0 else math.inf
        following = step if low < step < high else (low + high) / 2
        if abs(following - point) <= 1e-12 * abs(point):
            break
        point = following
    return point
