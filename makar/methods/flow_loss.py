"""What a net that walks from noise to data learns from: pictures, or a teacher that walks in smaller steps.

Source: Lipman et al. 2022, arXiv:2210.02747; Li & He 2025, arXiv:2511.13720 (weigh the loss as of v)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from makar.methods.flow import Denoise, euler, mixed, velocity
from makar.nets.shapes import LEAST_LEFT


def for_each(time: Tensor, like: Tensor) -> Tensor:
    """One number for each row, in a shape that spreads over it. Shapes: (B,) -> (B, 1, ...)"""
    return time.view(-1, *[1] * (like.dim() - 1))


def flow_loss(net: Callable[[Tensor, Tensor], Tensor], clean: Tensor, noise: Tensor, time: Tensor) -> Tensor:
    """|v(guess) - v|^2 = |guess - x|^2 / (1 - t)^2, the mean over all values of each row.

    Shapes: clean, noise (B, ...), time (B,) -> (B,)
    Source: Li & He 2025, arXiv:2511.13720, eq. 6 and algorithm 1
    """
    guess = net(mixed(clean, noise, for_each(time, clean)), time)
    left = for_each((1 - time).clamp(min=LEAST_LEFT), clean)
    return ((guess - clean) / left).square().flatten(1).mean(1)


def leap_loss(student: Denoise[Tensor], teacher: Denoise[Tensor], z: Tensor, times: Sequence[float]) -> Tensor:
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
