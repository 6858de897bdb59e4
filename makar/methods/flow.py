"""Flow matching: a straight path from noise (time 0) to data (time 1), walked by a net that predicts the clean data.

    z(t) = t x + (1 - t) e,   velocity v = x - e = (x - z) / (1 - t)

`Denoise` is the net with its condition: (z, t) to its guess of x. Every sampler has one signature: (denoise, z, times).

Source: Lipman et al. 2022, arXiv:2210.02747; Li & He 2025, arXiv:2511.13720 (predict x, weigh the loss as of v)
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor

Denoise = Callable[[Tensor, Tensor], Tensor]
Sampler = Callable[[Denoise, Tensor, Tensor], Tensor]
LEAST_LEFT = 0.05
"""1 - t is taken to be at least this, so that neither loss nor velocity explodes near the data."""


def left(time: Tensor, like: Tensor) -> Tensor:
    """1 - t, bounded below, in the shape of one number for each row of `like`. Shapes: (B,) -> (B, 1, ...)"""
    return (1 - time).clamp(min=LEAST_LEFT).view(-1, *[1] * (like.dim() - 1))


def mixed(clean: Tensor, noise: Tensor, time: Tensor) -> Tensor:
    """z(t) = t x + (1 - t) e. Shapes: clean, noise (B, ...), time (B,) -> (B, ...)"""
    t = time.view(-1, *[1] * (clean.dim() - 1))
    return t * clean + (1 - t) * noise


def flow_loss(denoise: Denoise, clean: Tensor, noise: Tensor, time: Tensor) -> Tensor:
    """|v(guess) - v|^2 = |guess - x|^2 / (1 - t)^2, the mean over all values of each row.

    Shapes: clean, noise (B, ...), time (B,) -> (B,)
    Source: Li & He 2025, arXiv:2511.13720, eq. 6 and algorithm 1
    """
    guess = denoise(mixed(clean, noise, time), time)
    return ((guess - clean) / left(time, clean)).square().flatten(1).mean(1)


def leap_loss(student: Denoise, teacher: Denoise, z: Tensor, times: Tensor) -> Tensor:
    """|v(student) - v|^2, where one step of Euler along v leads to where the teacher gets in a step for each time.

    A teacher that is guided teaches its student to need no guidance.

    Shapes: z (B, ...) at the first time, times (N + 1,) -> (B,)
    Source: Salimans & Ho 2022, arXiv:2202.00512, section 3; Meng et al. 2023, arXiv:2210.03142, section 3
    """
    with torch.no_grad():
        wanted = (euler(teacher, z, times) - z) / (times[-1] - times[0])
    return (velocity(student, z, times[0]) - wanted).square().flatten(1).mean(1)


def draw_times(num: int, random: torch.Generator, *, mean: float = -0.8, spread: float = 0.8) -> Tensor:
    """Times for training: sigmoid of a normal number, so that most fall where shapes are decided.

    Shapes: -> (num,)
    Source: Esser et al. 2024, arXiv:2403.03206, eq. 19; the mean is that of arXiv:2511.13720, table 4
    """
    return torch.sigmoid(mean + spread * torch.randn(num, generator=random, device=random.device))


def velocity(denoise: Denoise, z: Tensor, time: Tensor) -> Tensor:
    """v = (x - z) / (1 - t) at one time for all rows. Shapes: z (B, ...), time () -> (B, ...)"""
    at = time.expand(len(z))
    return (denoise(z, at) - z) / left(at, z)


def euler(denoise: Denoise, z: Tensor, times: Tensor) -> Tensor:
    """z += (s - t) v(z, t): one look at each time. Shapes: z (B, ...), times (N + 1,) -> (B, ...)"""
    for t, s in pairwise(times):
        z = z + (s - t) * velocity(denoise, z, t)
    return z


def heun(denoise: Denoise, z: Tensor, times: Tensor) -> Tensor:
    """z += (s - t) (v(z, t) + v(z', s)) / 2 with Euler's z': two looks at each time, one at the last.

    Shapes: z (B, ...), times (N + 1,) -> (B, ...)
    Source: Karras et al. 2022, arXiv:2206.00364, algorithm 1
    """
    for t, s in pairwise(times):
        first = velocity(denoise, z, t)
        ahead = z + (s - t) * first
        z = ahead if s >= 1 else z + (s - t) * (first + velocity(denoise, ahead, s)) / 2
    return z


SAMPLERS: dict[str, Sampler] = {"euler": euler, "heun": heun}


def steps(num: int, *, device: torch.device | str = "cpu") -> Tensor:
    """Evenly spaced times from 0 to 1. Shapes: -> (num + 1,)"""
    return torch.linspace(0, 1, num + 1, device=device)


Both = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""As `Denoise`, under two conditions at once: what was asked, and anything."""


def guided(asked: Denoise, both: Both, scale: float, interval: tuple[float, float] = (0.0, 1.0)) -> Denoise:
    """x(anything) + scale (x(asked) - x(anything)), within an interval of times; outside it, only what was asked.

    Source: Ho & Salimans 2022, arXiv:2207.12598, eq. 6; Kynkäänniemi et al. 2024, arXiv:2404.07724, eq. 4
    """
    def denoise(z: Tensor, time: Tensor) -> Tensor:
        if scale == 1.0 or not interval[0] <= float(time[0]) <= interval[1]:
            return asked(z, time)
        found, anything = both(z, time)
        return torch.lerp(anything, found, scale)

    return denoise
