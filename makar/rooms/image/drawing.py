"""Noise to one picture: each from a seed of its own and alone, so its bytes do not depend on its company."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from makar.methods.flow import SAMPLERS, Denoise, guided, mixed, steps

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


def noise(seed: int, shape: tuple[int, ...]) -> Reals:
    """The noise a picture begins with."""
    return np.random.default_rng(seed % 2**63).standard_normal(shape, np.float32)


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


def draw(shape: tuple[int, ...], denoise: Denoise[Reals], seed: int, num_steps: int, solver: str,
         given: Given | None = None) -> Reals:
    """One picture. Shapes: -> `shape`, which is (1, C, S, S)"""
    z, start = noise(seed, shape), 0.0
    if given is not None:
        start = 1 - given.strength_frac
        z, denoise = mixed(given.clean, z, start), keeping(denoise, given)
    if start >= 1:
        return z
    drawn: Reals = SAMPLERS[solver](denoise, z, steps(num_steps, start))
    return drawn
