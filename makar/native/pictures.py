"""The nets of pictures in NumPy, for drawing: importing PyTorch takes longer than a small picture does.

Each is the twin of the one in `makar.nets` that learns (`patches`, `components`, `relay`), and its weights go by the
same names. Those that are kept in int8 are multiplied so (`products`).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, overload

import numpy as np
from numpy.typing import NDArray

from makar.native.blocks import Attention, Block, Blocks, path_of
from makar.native.library import fastest_path
from makar.native.products import Matrix, matrix_of
from makar.native.spanned import Space, Spanned
from makar.native.threads import one_thread
from makar.nets.shapes import HEAD_DIM, LEAST_LEFT, Components, Patches, PictureShape, rotations
from makar.store.shards import Quantised, reals

Reals = NDArray[np.float32]
_EPS = np.float32(1e-6)


@dataclass(frozen=True)
class Asked:
    """What is asked for. A row without words is a picture of anything; look 0 is any look.

    Shapes: words (B, context_tok, word_dim), present (B, context_tok) bool, looks (B,)
    """

    words: Reals
    present: NDArray[np.bool_]
    looks: NDArray[np.int64]

    @property
    def whole(self) -> Reals:
        """The mean of the words that are there. Shapes: -> (B, word_dim)"""
        present = self.present[..., None].astype(np.float32)
        found: Reals = (self.words * present).sum(1) / np.maximum(present.sum(1), 1)
        return found

    def with_nothing(self) -> Asked:
        """The same rows, and as many more that ask for nothing."""
        words, present, looks = self.words, self.present, self.looks
        return Asked(np.concatenate((words, np.zeros_like(words))), np.concatenate((present, np.zeros_like(present))),
                     np.concatenate((looks, np.zeros_like(looks))))

    def and_wordless(self) -> Asked:
        """The same rows, and as many more that ask for anything in the same looks."""
        nothing = self.with_nothing()
        return Asked(nothing.words, nothing.present, np.concatenate((self.looks, self.looks)))


class PictureNet(Protocol):
    """Noisy pictures at one time to clean ones. Each row of what is asked for serves as many pictures, in order."""

    def begin(self, noise: Reals) -> Any:
        """Noise as the net likes it best; what it finds in it is of the same kind, or an array.

        Shapes: (B, C, S, S)
        """
        ...

    def __call__(self, pictures: Reals, time: float, asked: Asked) -> Reals:
        """Shapes: pictures (B, C, S, S) -> (B, C, S, S)"""
        ...


class Weights:
    """Weights by their names, those of one part of a net: matrices to multiply by, and all else as it is.

    path: of the kernel, for what is kept in int8
    """

    def __init__(self, weights: Mapping[str, Reals | Quantised], path: str | None) -> None:
        self._part = ""
        self._kept, self._path = weights, path
        self._vectors: dict[str, Reals] = {}
        self._matrices: dict[str, Matrix] = {}

    def of(self, part: str) -> Weights:
        """Those of a part of this part."""
        found = copy.copy(self)
        found._part = f"{self._part}{part}."
        return found

    def __getitem__(self, name: str) -> Reals:
        whole = self._part + name
        if whole not in self._vectors:
            self._vectors[whole] = reals(self._kept[whole])
        return self._vectors[whole]

    def turned(self, name: str) -> tuple[Reals, Matrix]:
        """What a row is multiplied by, number for number, and then by the matrix's transpose.

        Shapes: -> (out,), (in, out)
        """
        kept = self._kept[self._part + name]
        if isinstance(kept, Quantised):
            return kept.scales, matrix_of(kept.turned(), self._path)
        return np.ones(len(kept), np.float32), matrix_of(np.ascontiguousarray(kept.T), self._path)

    def matrix(self, name: str) -> Matrix:
        """A matrix, made ready once."""
        whole = self._part + name
        if whole not in self._matrices:
            self._matrices[whole] = matrix_of(self._kept[whole], self._path)
        return self._matrices[whole]

    def linear(self, name: str, x: Reals) -> Reals:
        """x W' + b, finely: through these maps everything goes in and out. Shapes: (..., in) -> (..., out)"""
        return self.finely(name, x) + self[f"{name}.bias"]

    def times(self, name: str, x: Reals) -> Reals:
        """x W'. Shapes: (..., in) -> (..., out)"""
        return self.matrix(f"{name}.weight").times(x)

    def finely(self, name: str, x: Reals) -> Reals:
        """The same, where 8 bits of x are too few. Shapes: (..., in) -> (..., out)"""
        return self.matrix(f"{name}.weight").finely(x)


class Transformer:
    """The Transformer over patches. Its equations and their sources stand in `makar.nets.patches`."""

    def __init__(self, shape: Patches, weights: Weights) -> None:
        self._shape, self._weights, self._looks = shape, weights, weights["look.weight"]
        self._cos, self._sin = rotations(shape)
        parts = [weights.of(f"blocks.{layer}") for layer in range(shape.num_layers)]
        self._tables = np.stack([part["table"] for part in parts])
        self._blocks = [Block(part.matrix("gate_up.weight"), part.matrix("down.weight"),
                              Attention(part.matrix("qkv.weight"), part.matrix("o.weight"), part["q_norm.weight"],
                                        part["k_norm.weight"])) for part in parts]
        path = path_of(self._blocks)
        self._kernel = None if path is None else Blocks(self._blocks, float(_EPS), path, (self._cos, self._sin))

    def begin(self, noise: Reals) -> Reals:
        """Noise, from which a way begins."""
        return noise

    def __call__(self, pictures: Reals, time: float, asked: Asked) -> Reals:
        """Shapes: pictures (B, C, S, S) -> (B, C, S, S)"""
        s, w, num = self._shape, self._weights, len(asked.words)
        patches = w.linear("widen", w.times("narrow", patches_of(pictures, s.patch_px))) + w["place"]
        words = w.linear("word", asked.words) * asked.present[..., None] + w["slot"]
        x = np.concatenate((np.repeat(words, len(pictures) // num, 0), patches), 1)
        state = silu(_moment(w, time) + self._looks[asked.looks] + w.finely("whole", asked.whole))
        modulation = w.linear("modulate", state).reshape(num, 1, 6, s.dim) + self._tables
        x = self.through(x, modulation)
        x = x.reshape(num, -1, *x.shape[1:])  # (what is asked, pictures of it, tokens, dim)
        shift, scale = np.split(w.linear("modulate_out", state)[:, None, None], 2, -1)
        found = w.linear("out", _norm(x[:, :, s.context_tok:]) * (1 + scale) + shift)
        return picture_of(found.reshape(len(pictures), -1, s.patch_values), s.patch_px, s.size_px)

    def through(self, x: Reals, modulation: Reals) -> Reals:
        """Through the blocks: by the kernel where it is here and they are in int8. Shapes: as of `Blocks`"""
        if self._kernel is not None:
            return self._kernel(x, modulation)
        x, whole = x.reshape(len(modulation), -1, *x.shape[1:]), x.shape
        for number, block in enumerate(self._blocks):
            parts = np.moveaxis(modulation[:, number, :, None, None], 1, 0)
            shift, scale, gate = parts[:3]
            x = x + gate * self._attend(block.attention, _norm(x) * (1 + scale) + shift)
            x = _beyond(block, x, parts[3:])
        return x.reshape(whole)

    def _attend(self, attention: Attention | None, x: Reals) -> Reals:
        assert attention is not None, "every block of a Transformer has one"
        length, dim = x.shape[-2:]
        qkv = attention.qkv.times(x).reshape(-1, length, 3, self._shape.num_heads, HEAD_DIM)
        q, k, v = qkv.transpose(2, 0, 3, 1, 4)  # (B, H, T, D)
        q, k = (self._turned(_norm(part) * norm) for part, norm in ((q, attention.q_norm), (k, attention.k_norm)))
        scores = q @ k.swapaxes(-1, -2) * np.float32(HEAD_DIM**-0.5)
        shares = np.exp(scores - scores.max(-1, keepdims=True))
        y = shares / shares.sum(-1, keepdims=True) @ v
        return attention.o.times(y.swapaxes(1, 2).reshape(*x.shape[:-1], dim))

    def _turned(self, x: Reals) -> Reals:
        turned: Reals = x * self._cos + np.concatenate((x[..., HEAD_DIM // 2:], x[..., :HEAD_DIM // 2]), -1) * self._sin
        return turned


class ComponentNet:
    """The net over principal components of whole pictures. Its equations stand in `makar.nets.components`."""

    def __init__(self, shape: Components, weights: Weights) -> None:
        self._weights, self._looks = weights, weights["look.weight"]
        scales, back = weights.turned("basis")
        self._space = Space(weights["mean"], weights.matrix("basis"), back, scales)
        parts = [weights.of(f"blocks.{layer}") for layer in range(shape.num_layers)]
        self._tables = np.stack([part["table"] for part in parts])
        self._blocks = [Block(part.matrix("gate_up.weight"), part.matrix("down.weight")) for part in parts]
        path = path_of(self._blocks)
        self._kernel = None if path is None else Blocks(self._blocks, float(_EPS), path)

    def begin(self, noise: Reals) -> Spanned:
        """Noise, from which a way begins."""
        return self._space.begin(noise)

    @overload
    def __call__(self, pictures: Reals, time: float, asked: Asked) -> Reals: ...
    @overload
    def __call__(self, pictures: Spanned, time: float, asked: Asked) -> Spanned: ...
    def __call__(self, pictures: Reals | Spanned, time: float, asked: Asked) -> Reals | Spanned:
        """Shapes: pictures (B, C, S, S) -> (B, C, S, S)"""
        if isinstance(pictures, Spanned):
            return pictures.clean(self._clean(pictures.components(time), time, asked))
        space, num = self._space, len(pictures)
        found = self._clean(space.basis.finely(pictures.reshape(num, -1) - time * space.mean), time, asked)
        return (space.mean + space.pictures(found)).reshape(pictures.shape)

    def _clean(self, z: Reals, time: float, asked: Asked) -> Reals:
        """Shapes: components of what is not the mean (B, components) -> the same, clean"""
        w, num, left = self._weights, len(asked.words), max(1 - time, LEAST_LEFT)
        z = z.reshape(num, -1, z.shape[-1])  # (what is asked, pictures of it, components)
        variance = w["variance"]
        seen = time**2 * variance + left**2
        words = (asked.words * asked.present[..., None]).reshape(num, -1)
        told = w.finely("told", np.concatenate((words, asked.whole), 1)) + self._looks[asked.looks]
        content, way = np.split(told, 2, -1)
        state = silu(_moment(w, time) + way)
        modulation = w.linear("modulate", state).reshape(num, 1, 3, -1) + self._tables
        x = self.through(w.linear("seen", z / np.sqrt(seen)) + content[:, None], modulation)
        shift, scale = np.split(w.linear("modulate_out", state)[:, None], 2, -1)
        missing = w.linear("out", _norm(x) * (1 + scale) + shift)
        clean = time * variance / seen * z + left * np.sqrt(variance / seen) * missing
        return np.asarray(clean.reshape(-1, z.shape[-1]), np.float32)

    def through(self, x: Reals, modulation: Reals) -> Reals:
        """Through the blocks, as `Transformer.through`. Shapes: x (asked, pictures of it, dim)"""
        if self._kernel is not None:
            return self._kernel(x, modulation)
        for number, block in enumerate(self._blocks):
            x = _beyond(block, x, np.moveaxis(modulation[:, number, :, None], 1, 0))
        return x


class Relay:
    """One of each, the second from the time of the handover on."""

    def __init__(self, first: ComponentNet, second: Transformer, handover: float) -> None:
        self._first, self._second, self._handover = first, second, handover

    def begin(self, noise: Reals) -> Spanned:
        """Noise, from which a way begins."""
        return self._first.begin(noise)

    @overload
    def __call__(self, pictures: Reals, time: float, asked: Asked) -> Reals: ...
    @overload
    def __call__(self, pictures: Spanned, time: float, asked: Asked) -> Reals | Spanned: ...
    def __call__(self, pictures: Reals | Spanned, time: float, asked: Asked) -> Reals | Spanned:
        """Shapes: pictures (B, C, S, S) -> (B, C, S, S)"""
        if time < self._handover:
            return self._first(pictures, time, asked)
        return self._second(np.asarray(pictures), time, asked)


def picture_net(shape: PictureShape, weights: Mapping[str, Reals | Quantised]) -> PictureNet:
    """The net of that shape with those weights. Both of its parts are run once, so that nothing can be missing later.

    Raises: KeyError (a weight is missing), ValueError (it has another shape)
    """
    whole = Weights(weights, fastest_path())
    nothing = np.zeros((1, shape.channels, shape.size_px, shape.size_px), np.float32)
    net: PictureNet
    if isinstance(shape, Patches):
        net, second = Transformer(shape, whole), shape
    else:
        first, second = ComponentNet(shape.first, whole.of("first")), shape.second
        net = Relay(first, Transformer(second, whole.of("second")), shape.handover)
    asked = Asked(np.zeros((1, second.context_tok, second.word_dim), np.float32),
                  np.zeros((1, second.context_tok), np.bool_), np.array([second.num_looks]))
    with one_thread():
        if any(net(nothing, time, asked).shape != nothing.shape for time in (0.0, 1.0)):
            raise ValueError("the weights are those of a net of another shape")
    return net


def patches_of(pictures: Reals, patch_px: int) -> Reals:
    """Shapes: (B, C, H, W) -> (B, H / p * W / p, C * p * p)"""
    num, channels, height, width = pictures.shape
    parts = pictures.reshape(num, channels, height // patch_px, patch_px, width // patch_px, patch_px)
    return parts.transpose(0, 2, 4, 1, 3, 5).reshape(num, -1, channels * patch_px**2)


def picture_of(patches: Reals, patch_px: int, size_px: int) -> Reals:
    """The inverse of `patches_of`. Shapes: (B, T, C * p * p) -> (B, C, size_px, size_px)"""
    grid = size_px // patch_px
    parts = patches.reshape(len(patches), grid, grid, -1, patch_px, patch_px)
    return parts.transpose(0, 3, 1, 4, 2, 5).reshape(len(patches), -1, size_px, size_px)


def _moment(weights: Weights, time: float) -> Reals:
    """The time as the net is told it. Shapes: -> (1, dim)"""
    frequency = np.exp(np.arange(128, dtype=np.float32) * np.float32(-math.log(10_000) / 128))
    angle = np.float32(1000 * time) * frequency
    wave = np.concatenate((np.cos(angle), np.sin(angle)))[None]
    return weights.linear("time.2", silu(weights.linear("time.0", wave)))


def _norm(x: Reals) -> Reals:
    squares = np.einsum("...i,...i->...", x, x)[..., None] / np.float32(x.shape[-1])
    normed: Reals = x / np.sqrt(squares + _EPS)
    return normed


def silu(x: Reals) -> Reals:
    """x sigmoid(x), by the hyperbolic tangent, which does not overflow."""
    found: Reals = x * (np.float32(0.5) + np.float32(0.5) * np.tanh(np.float32(0.5) * x))
    return found


def _beyond(block: Block, x: Reals, parts: Reals) -> Reals:
    """What a block does to every token alone. Shapes: x (..., dim), parts (3, ..., dim)"""
    shift, scale, gate = parts
    open_, up = np.split(block.gate_up.times(_norm(x) * (1 + scale) + shift), 2, -1)
    return x + gate * block.down.times(silu(open_) * up)
