"""The autoencoder in NumPy, the twin of `makar.nets.autoencoder`: its convolutions are products of matrices."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from makar.native.pictures import silu
from makar.native.threads import one_thread
from makar.nets.shapes import Autoencoded

Reals = NDArray[np.float32]
_EPS = np.float32(1e-6)


class Autoencoder:
    """A picture to the same several times as large. Its equations stand in `makar.nets.autoencoder`.

    Within, pictures are (H, W, channels), and a convolution's weights (out, places * in).
    """

    def __init__(self, shape: Autoencoded, weights: Mapping[str, Reals]) -> None:
        """All of it is run once, so that nothing can be missing later.

        Raises: KeyError (a weight is missing), ValueError (it has another shape)
        """
        self.shape = shape
        self._maps = {name.removesuffix(".weight"): np.ascontiguousarray(weight.T) for name, weight in weights.items()
                      if name.endswith(".weight")}
        self._biases = {name.removesuffix(".bias"): weight for name, weight in weights.items()
                        if name.endswith(".bias")}
        side, channels = shape.size_px, shape.channels
        with one_thread():
            found = self(np.zeros((channels, side, side), np.float32))
        if found.shape != (channels, shape.made_px, shape.made_px):
            raise ValueError("the weights are those of a net of another shape")

    def __call__(self, picture: Reals) -> Reals:
        """Shapes: (C, S, S) -> (C, made_px, made_px)"""
        return self.decode(self.encode(picture))

    def encode(self, picture: Reals) -> Reals:
        """Shapes: (C, S, S) -> (S / 4, S / 4, latent_dim)"""
        num = self.shape.blocks_in
        x = self._through("wide_in", num, self._around("into", _folded(picture.transpose(1, 2, 0))))
        x = self._through("deep_in", num, self._at("down", _folded(silu(x))))
        x = self._at("latent", silu(x))
        kept: Reals = x / np.sqrt(np.square(x).mean(-1, keepdims=True) + _EPS)
        return kept

    def decode(self, latents: Reals) -> Reals:
        """Shapes: (S / 4, S / 4, latent_dim) -> (C, made_px, made_px)"""
        num = self.shape.blocks_out
        x = self._through("deep_out", num, self._around("begin", latents))
        x = self._through("wide_out", num, _unfolded(self._at("up", silu(x)), 2))
        x = _unfolded(self._at("large", silu(x)), 2 * self.shape.times)
        x = self._around("out", silu(x + self._around("fine", silu(x))))
        return np.ascontiguousarray(x.transpose(2, 0, 1))

    def _through(self, part: str, num: int, x: Reals) -> Reals:
        for block in range(num):
            inner = silu(self._around(f"{part}.{block}.into", silu(x)))
            x = x + self._around(f"{part}.{block}.out", inner)
        return x

    def _around(self, name: str, x: Reals) -> Reals:
        """Every place with its eight neighbours, beyond the border nothing. Shapes: (H, W, in) -> (H, W, out)"""
        height, width, channels = x.shape
        padded = np.pad(x, ((1, 1), (1, 1), (0, 0)))
        around = np.empty((height, width, 9, channels), np.float32)
        for place in range(9):
            row, column = divmod(place, 3)
            around[:, :, place] = padded[row:row + height, column:column + width]
        return self._at(name, around.reshape(height, width, -1))

    def _at(self, name: str, x: Reals) -> Reals:
        """Every place by itself. Shapes: (H, W, in) -> (H, W, out)"""
        height, width, channels = x.shape
        found = x.reshape(-1, channels) @ self._maps[name] + self._biases[name]
        return np.asarray(found.reshape(height, width, -1), np.float32)


def _folded(x: Reals) -> Reals:
    """Four places to one of four times the channels. Shapes: (H, W, C) -> (H / 2, W / 2, 4 C)"""
    height, width, channels = x.shape
    parts = x.reshape(height // 2, 2, width // 2, 2, channels).transpose(0, 2, 4, 1, 3)
    return np.ascontiguousarray(parts.reshape(height // 2, width // 2, 4 * channels))


def _unfolded(x: Reals, times: int) -> Reals:
    """Channels to places. Shapes: (H, W, times^2 C) -> (times H, times W, C)"""
    height, width, channels = x.shape
    parts = x.reshape(height, width, -1, times, times).transpose(0, 3, 1, 4, 2)
    return np.ascontiguousarray(parts.reshape(times * height, times * width, channels // times**2))
