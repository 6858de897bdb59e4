"""Flow matching: a straight path from noise (time 0) to data (time 1), walked by a net that predicts the clean data.

    z(t) = t x + (1 - t) e,   velocity v = x - e = (x - z) / (1 - t)

`Denoise` is the net with its condition: (z, t) to its guess of x. Every sampler has one signature: (denoise, z, times).
They only add and multiply, so they walk with arrays of NumPy and with tensors of PyTorch. What such a net learns from
stands in `flow_loss`.

Source: Lipman et al. 2022, arXiv:2210.02747; Li & He 2025, arXiv:2511.13720 (predict x)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any, Protocol, TypeVar

from makar.nets.shapes import LEAST_LEFT


class Values(Protocol):
    """What is walked with: arrays that are added, and multiplied by numbers."""

    def __add__(self, other: Any, /) -> Any: ...
    def __sub__(self, other: Any, /) -> Any: ...
    def __rmul__(self, other: Any, /) -> Any: ...
    def __truediv__(self, other: Any, /) -> Any: ...


V = TypeVar("V", bound=Values)
Denoise = Callable[[V, float], V]
Both = Callable[[V, float], tuple[V, V]]
"""As `Denoise`, under two conditions at once: what was asked, and anything."""
Sampler = Callable[[Denoise[V], V, Sequence[float]], V]


def mixed(clean: V, noise: V, time: Any) -> V:
    """z(t) = t x + (1 - t) e. time: a number, or one for each row in a shape that spreads over it"""
    z: V = time * clean + (1 - time) * noise
    return z


def velocity(denoise: Denoise[V], z: V, time: float) -> V:
    """v = (x - z) / (1 - t) at one time for all rows. Shapes: z (B, ...) -> (B, ...)"""
    v: V = (denoise(z, time) - z) / max(1 - time, LEAST_LEFT)
    return v


def euler(denoise: Denoise[V], z: V, times: Sequence[float]) -> V:
    """z += (s - t) v(z, t): one look at each time. Shapes: z (B, ...), times (N + 1,) -> (B, ...)"""
    for t, s in pairwise(times):
        z = z + (s - t) * velocity(denoise, z, t)
    return z


def heun(denoise: Denoise[V], z: V, times: Sequence[float]) -> V:
    """z += (s - t) (v(z, t) + v(z', s)) / 2 with Euler's z': two looks at each time, one at the last.

    Shapes: z (B, ...), times (N + 1,) -> (B, ...)
    Source: Karras et al. 2022, arXiv:2206.00364, algorithm 1
    """
    for t, s in pairwise(times):
        first = velocity(denoise, z, t)
        ahead = z + (s - t) * first
        z = ahead if s >= 1 else z + (s - t) * (first + velocity(denoise, ahead, s)) / 2
    return z


SAMPLERS: Mapping[str, Sampler[Any]] = {"euler": euler, "heun": heun}


def steps(num: int, start: float = 0.0) -> list[float]:
    """Evenly spaced times from the start to 1. Shapes: -> (num + 1,)"""
    return [start + (1 - start) * step / num for step in range(num)] + [1.0]


def guided(asked: Denoise[V], both: Both[V], scale: float, interval: tuple[float, float] = (0.0, 1.0)) -> Denoise[V]:
    """x(anything) + scale (x(asked) - x(anything)), within an interval of times; outside it, only what was asked.

    Source: Ho & Salimans 2022, arXiv:2207.12598, eq. 6; Kynkäänniemi et al. 2024, arXiv:2404.07724, eq. 4
    """
    def denoise(z: V, time: float) -> V:
        if scale == 1.0 or not interval[0] <= time <= interval[1]:
            return asked(z, time)
        found, anything = both(z, time)
        led: V = anything + scale * (found - anything)
        return led

    return denoise
