"""Noise to one picture: each from a seed of its own and alone, so its bytes do not depend on its company."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from makar.methods.flow import SAMPLERS, Denoise, guided, mixed, steps
from makar.nets.patches import Condition
from makar.nets.relay import PictureNet

GUIDED = (0.0, 0.9)
"""The times within which guidance works, 0 being noise and 1 the picture."""
Forward = Callable[[Tensor, Tensor, Condition], Tensor]


@dataclass(frozen=True)
class Given:
    """A picture to start from. Shapes: clean (1, C, S, S); free (1, 1, S, S), 1 where it may change"""

    clean: Tensor
    strength_frac: float
    free: Tensor | None = None


def noise(seed: int, shape: tuple[int, ...]) -> Tensor:
    """The noise a picture begins with; the same on every device."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed % 2**63))


def denoiser(net: Forward, condition: Condition, guidance: float) -> Denoise:
    """The net under a condition, led away from what it would draw unasked; the two are one batch."""
    pair = condition.with_nothing()

    def both(z: Tensor, time: Tensor) -> tuple[Tensor, Tensor]:
        found, anything = net(z.repeat(2, 1, 1, 1), time.repeat(2), pair).chunk(2)
        return found, anything

    return guided(lambda z, time: net(z, time, condition), both, guidance, GUIDED)


def keeping(denoise: Denoise, given: Given) -> Denoise:
    """A denoiser that knows what is not free: there the way leads straight to the picture that was given."""
    if given.free is None:
        return denoise
    free = given.free
    return lambda z, time: torch.lerp(given.clean, denoise(z, time), free)


@torch.no_grad()
def draw(net: PictureNet, denoise: Denoise, seed: int, num_steps: int, solver: str,
         given: Given | None = None) -> Tensor:
    """One picture. Shapes: -> (1, C, S, S)"""
    c = net.config
    z, start = noise(seed, (1, c.channels, c.size_px, c.size_px)), 0.0
    if given is not None:
        start = 1 - given.strength_frac
        z, denoise = mixed(given.clean, z, torch.tensor([start])), keeping(denoise, given)
    if start >= 1:
        return z
    return SAMPLERS[solver](denoise, z, start + (1 - start) * steps(num_steps))
