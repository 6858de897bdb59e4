"""The refiner in NumPy, the twin of `makar.nets.refiner`: its convolutions are products of matrices kept in int8."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from makar.native.library import fastest_path
from makar.native.pictures import Weights
from makar.native.threads import one_thread
from makar.nets.shapes import BEND, Refining
from makar.store.shards import Quantised

Reals = NDArray[np.float32]


class Refiner:
    """A picture and its look to the picture at twice the size. Its equations stand in `makar.nets.refiner`.

    Within, pictures are (H, W, channels).
    """

    def __init__(self, shape: Refining, weights: Mapping[str, Reals | Quantised]) -> None:
        """All of it is run once, so that nothing can be missing later.

        Raises: KeyError (a weight is missing), ValueError (it has another shape)
        """
        self.shape, self._weights = shape, Weights(weights, fastest_path())
        side, channels = shape.size_px, shape.channels
        with one_thread():
            found = self(np.zeros((channels, side, side), np.float32), shape.num_looks)
            if found.shape != (channels, 2 * side, 2 * side):
                raise ValueError("the weights are those of a net of another shape")

    def __call__(self, picture: Reals, look: int) -> Reals:
        """Shapes: (C, S, S) -> (C, 2 S, 2 S)"""
        shape, w = self.shape, self._weights
        given = np.ascontiguousarray(picture.transpose(1, 2, 0))
        x, kept = _convolved(w, "into", given), list[Reals]()
        for tier, num in enumerate(shape.num_blocks):
            if tier:
                kept.append(x)
                x = w.linear(f"down.{tier - 1}", _folded(x))
            x = self._through(f"before.{tier}", num, x, look)
        for tier in reversed(range(len(kept))):
            x = _unfolded(w.linear(f"up.{tier}", x)) + kept[tier]
            x = self._through(f"after.{tier}", shape.num_blocks[tier], x, look)
        x = self._corrected("fine", _unfolded(_convolved(w, "large", _bent(x))), None)
        found = _convolved(w, "out", _bent(x)) + given.repeat(2, 0).repeat(2, 1)
        return np.ascontiguousarray(found.transpose(2, 0, 1))

    def _through(self, part: str, num: int, x: Reals, look: int) -> Reals:
        for block in range(num):
            x = self._corrected(f"{part}.{block}", x, look)
        return x

    def _corrected(self, part: str, x: Reals, look: int | None) -> Reals:
        inner = _convolved(self._weights, f"{part}.into", _bent(x))
        if look is not None:
            inner += self._weights[f"{part}.look.weight"][look]
        return x + _convolved(self._weights, f"{part}.out", _bent(inner))


def _convolved(weights: Weights, name: str, x: Reals) -> Reals:
    """Every place with its eight neighbours, beyond the border nothing. Shapes: (H, W, in) -> (H, W, out)"""
    height, width, channels = x.shape
    padded = np.pad(x, ((1, 1), (1, 1), (0, 0)))
    around = np.empty((height, width, 9, channels), np.float32)
    for place in range(9):
        row, column = divmod(place, 3)
        around[:, :, place] = padded[row:row + height, column:column + width]
    return weights.linear(name, around.reshape(height, width, -1))


def _folded(x: Reals) -> Reals:
    """Four pixels to one of four times the channels. Shapes: (H, W, C) -> (H / 2, W / 2, 4 C)"""
    height, width, channels = x.shape
    parts = x.reshape(height // 2, 2, width // 2, 2, channels).transpose(0, 2, 4, 1, 3)
    return np.ascontiguousarray(parts.reshape(height // 2, width // 2, 4 * channels))


def _unfolded(x: Reals) -> Reals:
    """The inverse of `_folded`. Shapes: (H, W, 4 C) -> (2 H, 2 W, C)"""
    height, width, channels = x.shape
    parts = x.reshape(height, width, channels // 4, 2, 2).transpose(0, 3, 1, 4, 2)
    return np.ascontiguousarray(parts.reshape(2 * height, 2 * width, channels // 4))


def _bent(x: Reals) -> Reals:
    found: Reals = np.maximum(x, np.float32(BEND) * x)
    return found
