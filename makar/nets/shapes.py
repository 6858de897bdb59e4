"""The shapes of the nets that draw, for those who train them in PyTorch and those who draw with them in NumPy alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

HEAD_DIM = 64
LEAST_LEFT = 0.05
"""1 - t is taken to be at least this: near the data there is nothing left to divide by."""


@dataclass(frozen=True)
class Patches:
    """A Transformer over patches. num_looks: conditions known by number; word_dim: width of a word of the prompt."""

    size_px: int
    patch_px: int
    dim: int
    num_layers: int
    num_looks: int
    word_dim: int
    hidden_dim: int
    context_tok: int = 16
    bottleneck: int = 128
    channels: int = 4

    @property
    def grid(self) -> int:
        """Patches along one side."""
        return self.size_px // self.patch_px

    @property
    def num_heads(self) -> int:
        """Heads of 64 channels."""
        return self.dim // HEAD_DIM

    @property
    def patch_values(self) -> int:
        """Numbers in one patch."""
        return self.channels * self.patch_px**2


@dataclass(frozen=True)
class Components:
    """A net over the principal components of whole pictures. num_looks, word_dim: as of `Patches`."""

    size_px: int
    num_components: int
    dim: int
    num_layers: int
    num_looks: int
    word_dim: int
    hidden_dim: int
    context_tok: int = 8
    channels: int = 4

    @property
    def num_values(self) -> int:
        """Numbers in one picture."""
        return self.channels * self.size_px**2


@dataclass(frozen=True)
class Relayed:
    """One of each, and the time at which the second takes over."""

    first: Components
    second: Patches
    handover: float

    @property
    def size_px(self) -> int:
        """The side of a picture."""
        return self.second.size_px

    @property
    def channels(self) -> int:
        """Of a picture."""
        return self.second.channels

    @property
    def context_tok(self) -> int:
        """Words of a prompt."""
        return self.second.context_tok


PictureShape = Patches | Relayed


@dataclass(frozen=True)
class Autoencoded:
    """Convolutions that keep few numbers of a small picture, and make it of them again several times as large.

    size_px: of what is given; widths: channels at a half and at a quarter of that side, with so many blocks on the way
    in and on the way out; latent_dim: numbers kept of each place there; fine_dim: channels where pixels are made;
    times: how many times as large
    """

    size_px: int
    widths: tuple[int, int] = (48, 96)
    blocks_in: int = 1
    blocks_out: int = 2
    latent_dim: int = 10
    fine_dim: int = 12
    channels: int = 4
    times: int = 2

    def __post_init__(self) -> None:
        if self.size_px % 4:
            raise ValueError(f"pictures of {self.size_px} px cannot be halved twice")

    @property
    def made_px(self) -> int:
        """The side of what is made."""
        return self.times * self.size_px


def shape_of(architecture: Mapping[str, Any]) -> PictureShape:
    """The shape that a checkpoint tells of.

    Raises: TypeError, KeyError (it tells of no such net)
    """
    if "handover" not in architecture:
        return Patches(**architecture)
    return Relayed(Components(**architecture["first"]), Patches(**architecture["second"]), architecture["handover"])


def rotations(shape: Patches) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Cosines and sines for words (not rotated) and patches (half the channels by row, half by column).

    Shapes: (context_tok + grid * grid, HEAD_DIM) each
    Source: Su et al. 2021, arXiv:2104.09864, eq. 15; two axes as in Heo et al. 2024, arXiv:2403.13298, section 3.1
    """
    quarter = HEAD_DIM // 4
    frequency = 100.0 ** (-np.arange(quarter, dtype=np.float32) / quarter)
    rows, columns = (at.reshape(-1, 1) * frequency for at in np.indices((shape.grid, shape.grid), dtype=np.float32))
    angle = np.concatenate((np.zeros((shape.context_tok, 2 * quarter)), np.concatenate((rows, columns), -1)))
    cos, sin = np.cos(angle).astype(np.float32), np.sin(angle).astype(np.float32)
    return np.concatenate((cos, cos), -1), np.concatenate((-sin, sin), -1)
