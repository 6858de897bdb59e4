"""Bytes of pictures to the numbers that nets work on, and back."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.float32]
_AT_ONCE = 1024


def to_values(pixels: NDArray[np.uint8]) -> Reals:
    """Bytes to numbers from -1 to 1, colours multiplied by their opacity, so what is not painted has one colour.

    Shapes: (B, S, S, 4) -> (B, 4, S, S)
    """
    values = pixels.transpose(0, 3, 1, 2).astype(np.float32) / np.float32(255)
    values[:, :3] *= values[:, 3:]
    found: Reals = values * 2 - 1
    return found


def to_pixels(values: Reals) -> NDArray[np.uint8]:
    """The inverse of `to_values`, cut to what bytes can hold.

    Shapes: (B, 4, S, S) -> (B, S, S, 4)
    """
    whole = np.clip((values.transpose(0, 2, 3, 1) + 1) / 2, 0, 1)
    opacity = np.where(whole[..., 3:] < 4 / 255, 0, whole[..., 3:])
    colours = np.clip(whole[..., :3] / np.maximum(opacity, 1e-3), 0, 1) * (opacity > 0)
    found: NDArray[np.uint8] = np.rint(np.concatenate((colours, opacity), -1) * 255).astype(np.uint8)
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
        values = to_values(pixels[at:at + _AT_ONCE])
        blocks = values.reshape(len(values), 4, size_px, block, size_px, block)
        found[at:at + _AT_ONCE] = to_pixels(blocks.mean((3, 5)))
    return found


def crisp(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Pictures whose pixels are painted or are not, in place. Shapes: (..., S, S, 4) -> the same"""
    pixels[..., 3] = np.where(pixels[..., 3] > 127, 255, 0)
    pixels[pixels[..., 3] == 0] = 0
    return pixels
