"""A denoising autoencoder of small pictures: few numbers are kept of each place, and from them the picture is made
again, cleaner and several times as large. What no real picture shows is lost on the way through.

Source: Vincent et al. 2008, doi:10.1145/1390156.1390294, section 2 (learned from spoilt pictures); Shi et al. 2016,
arXiv:1609.05158, section 3.2 (pixels out of channels); residual branches that begin at zero: Zhang et al. 2019,
arXiv:1901.09321, section 3
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from makar.nets.shapes import Autoencoded


class Block(nn.Module):
    """What is there, and a correction by two convolutions."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.into, self.out = nn.Conv2d(dim, dim, 3, padding=1), nn.Conv2d(dim, dim, 3, padding=1)
        for nothing in self.out.parameters():
            nn.init.zeros_(nothing)

    def forward(self, x: Tensor) -> Tensor:
        """Shapes: (B, D, H, W) -> the same"""
        out: Tensor = x + self.out(functional.silu(self.into(functional.silu(x))))
        return out


class Autoencoder(nn.Module):
    """Pictures to the same several times as large, by way of few numbers."""

    def __init__(self, config: Autoencoded) -> None:
        super().__init__()
        c = self.config = config
        wide, deep = c.widths
        self.into = nn.Conv2d(4 * c.channels, wide, 3, padding=1)
        self.wide_in = nn.Sequential(*(Block(wide) for _ in range(c.blocks_in)))
        self.down = nn.Conv2d(4 * wide, deep, 1)
        self.deep_in = nn.Sequential(*(Block(deep) for _ in range(c.blocks_in)))
        self.latent = nn.Conv2d(deep, c.latent_dim, 1)
        self.begin = nn.Conv2d(c.latent_dim, deep, 3, padding=1)
        self.deep_out = nn.Sequential(*(Block(deep) for _ in range(c.blocks_out)))
        self.up = nn.Conv2d(deep, 4 * wide, 1)
        self.wide_out = nn.Sequential(*(Block(wide) for _ in range(c.blocks_out)))
        self.large = nn.Conv2d(wide, (2 * c.times) ** 2 * c.fine_dim, 1)
        self.fine = nn.Conv2d(c.fine_dim, c.fine_dim, 3, padding=1)
        self.out = nn.Conv2d(c.fine_dim, c.channels, 3, padding=1)

    def forward(self, pictures: Tensor) -> Tensor:
        """Shapes: (B, C, S, S) -> (B, C, made_px, made_px)"""
        return self.decode(self.encode(pictures))

    def encode(self, pictures: Tensor) -> Tensor:
        """The numbers that are kept, of each place with a mean square of 1.

        Shapes: (B, C, S, S) -> (B, latent_dim, S / 4, S / 4)
        """
        x = self.wide_in(self.into(functional.pixel_unshuffle(pictures, 2)))
        x = self.latent(functional.silu(self.deep_in(self.down(functional.pixel_unshuffle(functional.silu(x), 2)))))
        kept: Tensor = x * torch.rsqrt(x.square().mean(1, keepdim=True) + 1e-6)
        return kept

    def decode(self, latents: Tensor) -> Tensor:
        """Shapes: (B, latent_dim, S / 4, S / 4) -> (B, C, made_px, made_px)"""
        x = functional.pixel_shuffle(self.up(functional.silu(self.deep_out(self.begin(latents)))), 2)
        x = functional.pixel_shuffle(self.large(functional.silu(self.wide_out(x))), 2 * self.config.times)
        pictures: Tensor = self.out(functional.silu(x + self.fine(functional.silu(x))))
        return pictures


def initialised(config: Autoencoded, seed: int) -> Autoencoder:
    """A net to be trained; the same one for the same seed, whatever else draws random numbers."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Autoencoder(config)
