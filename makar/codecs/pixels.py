"""Bytes of pictures to the numbers that nets work on, and back."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

_AT_ONCE = 1024


def to_values(pixels: Tensor) -> Tensor:
    """Bytes to numbers from -1 to 1, colours multiplied by their opacity, so what is not painted has one colour.

    Shapes: (B, S, S, 4) -> (B, 4, S, S)
    """
    whole = pixels.float() / 255
    return torch.cat((whole[..., :3] * whole[..., 3:], whole[..., 3:]), -1).permute(0, 3, 1, 2) * 2 - 1


def to_pixels(values: Tensor) -> NDArray[np.uint8]:
    """The inverse of `to_values`, cut to what bytes can hold.

    Shapes: (B, 4, S, S) -> (B, S, S, 4)
    """
    whole = ((values.float().permute(0, 2, 3, 1) + 1) / 2).clamp(0, 1)
    opacity = whole[..., 3:]
    opacity = torch.where(opacity < 4 / 255, torch.zeros_like(opacity), opacity)
    colours = (whole[..., :3] / opacity.clamp(min=1e-3)).clamp(0, 1) * (opacity > 0)
    found: NDArray[np.uint8] = (torch.cat((colours, opacity), -1) * 255).round().to(torch.uint8).cpu().numpy()
    return found


def resized(pixels: NDArray[np.uint8], size_px: int) -> NDArray[np.uint8]:
    """Every pixel repeated, or the mean of every block of them with colours weighted by their opacity.

    Shapes: (N, S, S, 4) -> (N, size_px, size_px, 4)
    """
    num, size = pixels.shape[:2]
    if size_px >= size:
        return pixels.repeat(size_px // size, 1).repeat(size_px // size, 2)
    block = size // size_px
    found = np.empty((num, size_px, size_px, 4), np.uint8)
    for at in range(0, num, _AT_ONCE):
        values = to_values(torch.from_numpy(pixels[at:at + _AT_ONCE].copy()))
        found[at:at + _AT_ONCE] = to_pixels(functional.avg_pool2d(values, block))
    return found


def crisp(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Pictures whose pixels are painted or are not, in place. Shapes: (..., S, S, 4) -> the same"""
    pixels[..., 3] = np.where(pixels[..., 3] > 127, 255, 0)
    pixels[pixels[..., 3] == 0] = 0
    return pixels
