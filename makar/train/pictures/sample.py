"""Noise to pictures: each picture from a seed of its own and alone, so its bytes do not depend on its company."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from makar.kit.errors import BadInput, UnknownName
from makar.methods.flow import SAMPLERS, Denoise, guided, steps
from makar.nets.patches import Condition, PatchTransformer

MOST_STEPS = 1000


@dataclass(frozen=True)
class PictureSampling:
    """How a picture is drawn.

    num_steps: looks of Euler, half the looks of Heun; guidance: how far to go towards the prompt (1 is not at all)
    guided_from, guided_to: the times within which guidance works, 0 being noise and 1 the picture
    """

    num_steps: int = 25
    guidance: float = 3.0
    sampler: str = "heun"
    seed: int = 0
    guided_from: float = 0.1
    guided_to: float = 0.95

    def __post_init__(self) -> None:
        if not 1 <= self.num_steps <= MOST_STEPS:
            raise BadInput(f"steps are between 1 and {MOST_STEPS:,}; got {self.num_steps}")
        if not 0 <= self.guidance <= 30:
            raise BadInput(f"guidance is between 0 and 30; got {self.guidance}")
        if self.sampler not in SAMPLERS:
            raise UnknownName("sampler", self.sampler, SAMPLERS)


def noise(seed: int, shape: tuple[int, ...]) -> Tensor:
    """The noise a picture begins with; the same on every device."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed % 2**63))


def denoiser(net: PatchTransformer, condition: Condition, sampling: PictureSampling) -> Denoise:
    """The net under a condition, guided as asked."""
    nothing = condition.nothing()
    return guided(lambda z, time: net(z, time, condition), lambda z, time: net(z, time, nothing), sampling.guidance,
                  (sampling.guided_from, sampling.guided_to))


@torch.no_grad()
def draw(net: PatchTransformer, condition: Condition, sampling: PictureSampling) -> Tensor:
    """One picture for the one row of the condition. Shapes: -> (1, C, S, S)"""
    c = net.config
    start = noise(sampling.seed, (1, c.channels, c.size_px, c.size_px)).to(condition.words.device)
    return SAMPLERS[sampling.sampler](denoiser(net, condition, sampling), start,
                                      steps(sampling.num_steps, device=start.device))
