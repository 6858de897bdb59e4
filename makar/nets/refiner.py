"""A refiner and its judge: a small picture that was drawn, once more and at twice its size, and how real that looks.

The refiner is a U-Net without normalisation; it adds what is missing to the picture with every pixel repeated.

Source: Ronneberger et al. 2015, arXiv:1505.04597, section 2 (a U-Net); Shi et al. 2016, arXiv:1609.05158, section 3.2
(pixels out of channels); residual branches that begin at zero: Huang et al. 2025, arXiv:2501.05441, section 4; how the
judge hears of looks: Miyato and Koyama 2018, arXiv:1802.05637, eq. 8
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from makar.nets.shapes import BEND, Refining

_JUDGES = (32, 64, 128, 192)
"""Channels of the judge, from half the size of the picture on down."""


class Block(nn.Module):
    """What is there, and a correction by two convolutions, the first told the look."""

    def __init__(self, dim: int, num_looks: int) -> None:
        super().__init__()
        self.into, self.out = _convolution(dim, dim), _convolution(dim, dim, gain=0.0)
        self.look = nn.Embedding(num_looks + 1, dim) if num_looks else None
        if self.look is not None:
            nn.init.zeros_(self.look.weight)

    def forward(self, x: Tensor, looks: Tensor) -> Tensor:
        """Shapes: (B, D, H, W), looks (B,) -> (B, D, H, W)"""
        inner = self.into(bent(x))
        if self.look is not None:
            inner = inner + self.look(looks)[..., None, None]
        return x + self.out(bent(inner))


class Refiner(nn.Module):
    """A picture and its look to the picture at twice the size. Look 0 is any look."""

    def __init__(self, config: Refining) -> None:
        super().__init__()
        c = self.config = config
        tiers = list(zip(c.widths, c.num_blocks, strict=True))
        self.into = _convolution(c.channels, c.widths[0])
        self.down = nn.ModuleList(_convolution(4 * wide, deep, side=1) for wide, deep in pairwise(c.widths))
        self.up = nn.ModuleList(_evenly(_convolution(deep, 4 * wide, side=1)) for wide, deep in pairwise(c.widths))
        self.before = nn.ModuleList(_blocks(width, num, c.num_looks) for width, num in tiers)
        self.after = nn.ModuleList(_blocks(width, num, c.num_looks) for width, num in tiers[:-1])
        self.large = _evenly(_convolution(c.widths[0], 4 * c.fine_dim))
        self.fine = Block(c.fine_dim, 0)
        self.out = _convolution(c.fine_dim, c.channels, gain=0.0)

    def forward(self, pictures: Tensor, looks: Tensor) -> Tensor:
        """Shapes: (B, C, S, S), (B,) -> (B, C, 2 S, 2 S)"""
        x, kept = self.into(pictures), list[Tensor]()
        for tier, blocks in enumerate(self.before):
            if tier:
                kept.append(x)
                x = self.down[tier - 1](functional.pixel_unshuffle(x, 2))
            x = _through(blocks, x, looks)
        for tier in reversed(range(len(self.after))):
            x = functional.pixel_shuffle(self.up[tier](x), 2) + kept[tier]
            x = _through(self.after[tier], x, looks)
        x = self.fine(functional.pixel_shuffle(self.large(bent(x)), 2), looks)
        found: Tensor = self.out(bent(x)) + functional.interpolate(pictures, scale_factor=2, mode="nearest")
        return found


class Judge(nn.Module):
    """How real a picture looks, for one of that look: the mean over its places."""

    def __init__(self, config: Refining) -> None:
        super().__init__()
        self.into = _convolution(4 * config.channels, _JUDGES[0])
        self.blocks = nn.ModuleList(Block(width, 0) for width in _JUDGES)
        self.down = nn.ModuleList(_convolution(4 * wide, deep, side=1) for wide, deep in pairwise(_JUDGES))
        self.judge = _convolution(_JUDGES[-1], 1, side=1)
        self.look = nn.Embedding(config.num_looks + 1, _JUDGES[-1])
        nn.init.normal_(self.look.weight, std=0.1)

    def forward(self, pictures: Tensor, looks: Tensor) -> Tensor:
        """Shapes: (B, C, S, S), (B,) -> (B,)"""
        x = self.into(functional.pixel_unshuffle(pictures, 2))
        for tier, block in enumerate(self.blocks):
            if tier:
                x = self.down[tier - 1](functional.pixel_unshuffle(x, 2))
            x = block(x, looks)
        x = bent(x)
        fits = (x * self.look(looks)[..., None, None]).sum(1) / math.sqrt(x.shape[1])
        found: Tensor = (self.judge(x).squeeze(1) + fits).mean((1, 2))
        return found


def initialised(config: Refining, seed: int) -> tuple[Refiner, Judge]:
    """Both with random weights; the same ones for the same seed, whatever else draws random numbers."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Refiner(config), Judge(config)


def bent(x: Tensor) -> Tensor:
    """A leaky ReLU."""
    return functional.leaky_relu(x, BEND)


def _blocks(width: int, num: int, num_looks: int) -> nn.ModuleList:
    return nn.ModuleList(Block(width, num_looks) for _ in range(num))


def _through(blocks: nn.Module, x: Tensor, looks: Tensor) -> Tensor:
    for block in blocks.children():
        x = block(x, looks)
    return x


def _evenly(convolution: nn.Conv2d) -> nn.Conv2d:
    """The four channels that become four pixels begin alike, so that no chequers are to be unlearned.

    Source: Aitken et al. 2017, arXiv:1707.02937, section 3
    """
    with torch.no_grad():
        convolution.weight.copy_(convolution.weight[::4].repeat_interleave(4, 0))
    return convolution


def _convolution(low: int, high: int, side: int = 3, gain: float = 1.0) -> nn.Conv2d:
    convolution = nn.Conv2d(low, high, side, padding=side // 2)
    nn.init.normal_(convolution.weight, std=gain * math.sqrt(2 / (low * side**2)))
    for bias in convolution.parameters():
        if bias.dim() == 1:
            nn.init.zeros_(bias)
    return convolution
