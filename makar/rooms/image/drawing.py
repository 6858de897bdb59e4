"""Noise to one picture: each from a seed of its own and alone, so its bytes do not depend on its company."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from makar.methods.flow import SAMPLERS, Denoise, guided, mixed

GUIDED = (0.0, 0.9)
"""The times within which guidance works, 0 being noise and 1 the picture."""
Reals = NDArray[np.float32]
V = TypeVar("V", bound=Any)


class Condition(Protocol):
    """What is asked for, in rows."""

    def with_nothing(self) -> Any:
        """The same rows, and as many more that ask for nothing."""
        ...


C = TypeVar("C", bound=Condition)


@dataclass(frozen=True)
class Given:
    """A picture to start from. Shapes: clean (1, C, S, S); free (1, 1, S, S), 1 where it may change"""

    clean: Reals
    strength_frac: float
    free: Reals | None = None


def noise(seed: int | tuple[int, int], shape: tuple[int, ...]) -> Reals:
    """The noise a picture begins with, by its seed, or by its seed and the number of the try."""
    entropy = seed % 2**63 if isinstance(seed, int) else (seed[0] % 2**63, seed[1])
    return np.random.default_rng(entropy).standard_normal(shape, np.float32)


def denoiser(net: Callable[[V, float, C], V], condition: C, guidance: float) -> Denoise[V]:
    """The net under a condition, led away from what it would draw unasked; the two are one batch."""
    pair = condition.with_nothing()

    def both(z: V, time: float) -> tuple[V, V]:
        found = net(z[[*range(len(z))] * 2], time, pair)
        return found[:len(z)], found[len(z):]

    return guided(lambda z, time: net(z, time, condition), both, guidance, GUIDED)


def keeping(denoise: Denoise[Reals], given: Given) -> Denoise[Reals]:
    """A denoiser that knows what is not free: there the way leads straight to the picture that was given."""
    if given.free is None:
        return denoise
    free, clean = given.free, given.clean
    return lambda z, time: clean + free * (denoise(z, time) - clean)


def draw(z: Reals, denoise: Denoise[Reals], times: Sequence[float], solver: str, given: Given | None = None) -> Reals:
    """One picture from its noise, or from where the way was left; where one is given, the times are crowded into what
    is left of the way.

    Shapes: (1, C, S, S) -> the same
    """
    start = 0.0
    if given is not None:
        start = 1 - given.strength_frac
        z, denoise = mixed(given.clean, z, start), keeping(denoise, given)
    if start >= 1:
        return z
    return np.asarray(SAMPLERS[solver](denoise, z, [start + (1 - start) * time for time in times]))
