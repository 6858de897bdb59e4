"""A painter and its critic: attributes and noise to a small picture in one pass, and a picture with its attributes to
one number.

The pictures are aligned and have few colours, so both are plain products over the whole picture: the painter mixes a
few inks, and says for every pixel which ink it takes.

Source: without normalisation, residual branches that begin at zero: Huang et al. 2025, arXiv:2501.05441, section 4; how
the critic sees attributes: Miyato and Koyama 2018, arXiv:1802.05637, eq. 8
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

_SLOPE = 0.2


@dataclass(frozen=True)
class Config:
    """The shape of both.

    attributes: how many values each attribute has; noise_dim: numbers that are drawn beside them
    dim: of the vector that attributes become; hidden_dim, num_blocks: of what lies between it and the picture
    num_inks: colours of one picture, each a mixture of `channels`
    """

    size_px: int
    attributes: tuple[int, ...]
    noise_dim: int = 32
    dim: int = 256
    hidden_dim: int = 512
    num_blocks: int = 2
    num_inks: int = 16
    channels: int = 4


class Attributes(nn.Module):
    """Values of attributes as one vector: the sum of one learned vector for each."""

    starts: Tensor

    def __init__(self, sizes: tuple[int, ...], dim: int) -> None:
        super().__init__()
        self.vectors = nn.Parameter(torch.randn(sum(sizes), dim) * len(sizes) ** -0.5)
        starts = torch.tensor([sum(sizes[:place]) for place in range(len(sizes))])
        self.register_buffer("starts", starts, persistent=False)

    def forward(self, values: Tensor) -> Tensor:
        """Shapes: (B, attributes) -> (B, dim)"""
        return functional.embedding(values + self.starts, self.vectors).sum(1)


class Block(nn.Module):
    """What is there, and a correction by two products."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.into, self.out = _linear(dim, dim), _linear(dim, dim, gain=0.0)

    def forward(self, x: Tensor) -> Tensor:
        """Shapes: (B, D) -> (B, D)"""
        return x + self.out(_bent(self.into(_bent(x))))


class Painter(nn.Module):
    """Attributes and noise to pictures."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        c = self.config = config
        self.attributes = Attributes(c.attributes, c.dim)
        self.begin = _linear(c.dim + c.noise_dim, c.hidden_dim)
        self.blocks = nn.ModuleList(Block(c.hidden_dim) for _ in range(c.num_blocks))
        self.inks = _linear(c.hidden_dim, c.num_inks * c.channels, gain=0.5)
        self.places = _linear(c.hidden_dim, c.num_inks * c.size_px**2)

    def forward(self, noise: Tensor, values: Tensor, sharpness: float = 1.0) -> Tensor:
        """sharpness: what the certainty of every pixel's choice of ink is multiplied by

        Shapes: (B, noise_dim), (B, attributes) -> (B, channels, S, S)
        """
        c = self.config
        x = self.begin(torch.cat((self.attributes(values), noise), 1))
        for block in self.blocks:
            x = block(x)
        x = _bent(x)
        inks = self.inks(x).view(-1, c.num_inks, c.channels)
        shares = (self.places(x).view(-1, c.num_inks, c.size_px**2) * sharpness).softmax(1)
        return (inks.mT @ shares).view(-1, c.channels, c.size_px, c.size_px)


class Critic(nn.Module):
    """How real a picture looks, for one with these attributes."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        c = config
        self.attributes = Attributes(c.attributes, c.dim)
        self.look = _linear(c.channels * c.size_px**2, c.hidden_dim)
        self.blocks = nn.ModuleList(Block(c.hidden_dim) for _ in range(c.num_blocks))
        self.end = _linear(c.hidden_dim, c.dim)
        self.judge = nn.Linear(c.dim, 1)

    def forward(self, pictures: Tensor, values: Tensor) -> Tensor:
        """Shapes: (B, channels, S, S), (B, attributes) -> (B,)"""
        x = self.look(pictures.flatten(1))
        for block in self.blocks:
            x = block(x)
        seen = _bent(self.end(_bent(x)))
        fits = (seen * self.attributes(values)).sum(1) / math.sqrt(seen.shape[1])
        found: Tensor = self.judge(seen).squeeze(1) + fits
        return found


def initialised(config: Config, seed: int) -> tuple[Painter, Critic]:
    """Both with random weights; the same ones for the same seed, whatever else draws random numbers."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Painter(config), Critic(config)


def _bent(x: Tensor) -> Tensor:
    return functional.leaky_relu(x, _SLOPE)


def _linear(low: int, high: int, gain: float = 1.0) -> nn.Linear:
    linear = nn.Linear(low, high)
    nn.init.normal_(linear.weight, std=gain * math.sqrt(2 / low))
    nn.init.zeros_(linear.bias)
    return linear
