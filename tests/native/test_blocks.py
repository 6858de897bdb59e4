"""The blocks of a Transformer over pictures: the kernel by every path against NumPy, and pictures in any company."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from numpy.typing import NDArray

from makar.native.blocks import Attention, Block, Blocks, path_of
from makar.native.library import PATHS, has_path
from makar.native.pictures import Transformer, Weights
from makar.native.products import Matrix, matrix_of
from makar.nets.shapes import Patches, rotations
from makar.store.shards import Quantised

Reals = NDArray[np.float32]
HERE = [path for path in PATHS if has_path(path)]
SHAPE = Patches(size_px=12, patch_px=4, dim=128, num_layers=3, num_looks=3, word_dim=6, hidden_dim=90, context_tok=3,
                bottleneck=8)
NUM_TOK = SHAPE.context_tok + SHAPE.grid**2


def normal(*shape: int, seed: int = 0) -> Reals:
    return np.random.default_rng(seed).standard_normal(shape, np.float32)


def kept() -> dict[str, Reals | Quantised]:
    """The weights of a net, its matrices in int8."""
    random, s = np.random.default_rng(5), SHAPE
    found: dict[str, Reals | Quantised] = {"look.weight": normal(4, s.dim)}
    for layer in range(s.num_layers):
        part = f"blocks.{layer}"
        for name, (rows, cols) in {"qkv": (3 * s.dim, s.dim), "o": (s.dim, s.dim), "down": (s.dim, s.hidden_dim),
                                   "gate_up": (2 * s.hidden_dim, s.dim)}.items():
            values = random.integers(-127, 128, (rows, cols)).astype(np.int8)
            found[f"{part}.{name}.weight"] = Quantised(values, random.random(rows, np.float32) / 600)
        found[f"{part}.table"] = 0.2 * normal(6, s.dim, seed=layer)
        found |= {f"{part}.{name}_norm.weight": 1 + 0.1 * normal(64, seed=layer) for name in "qk"}
    return found


def net(path: str | None) -> Transformer:
    return Transformer(SHAPE, Weights(kept(), path))


@pytest.mark.skipif(not HERE, reason="makar was installed without a C++ compiler")
@pytest.mark.parametrize("num", [1, 3, 4])
def test_every_path_draws_what_numpy_draws(num: int) -> None:
    x, modulation = normal(2 * num, NUM_TOK, SHAPE.dim), 0.3 * normal(2, SHAPE.num_layers, 6, SHAPE.dim, seed=9)
    wanted = net(None).through(x, modulation)
    for path in HERE:
        found = net(path).through(x, modulation)
        assert np.abs(found - wanted).max() < 0.03 * np.abs(wanted - x).max(), path
        assert np.linalg.norm(found - wanted) < 0.005 * np.linalg.norm(wanted - x), path


@pytest.mark.parametrize("path", HERE)
def test_a_picture_has_the_same_bits_in_any_company(path: str) -> None:
    x, modulation = normal(6, NUM_TOK, SHAPE.dim), 0.3 * normal(3, SHAPE.num_layers, 6, SHAPE.dim, seed=9)
    drawn, before = net(path).through(x, modulation), x.copy()
    for number in range(6):
        alone = net(path).through(x[number:number + 1], modulation[number // 2:number // 2 + 1])
        assert np.array_equal(alone[0], drawn[number])
    assert np.array_equal(x, before)


@pytest.mark.parametrize("path", HERE)
def test_tokens_that_do_not_look_are_drawn_as_numpy_draws_them_and_apart(path: str) -> None:
    def block(path: str | None) -> Block:
        weights = Weights(kept(), path).of("blocks.0")
        return Block(weights.matrix("gate_up.weight"), weights.matrix("down.weight"))

    x, modulation = normal(2, 7, SHAPE.dim), 0.3 * normal(2, 1, 3, SHAPE.dim, seed=9)
    shift, scale, gate = np.moveaxis(modulation[:, 0, :, None], 1, 0)
    normed = x / np.sqrt(np.square(x).mean(-1, keepdims=True) + 1e-6)
    open_, up = np.split(block(None).gate_up.times(normed * (1 + scale) + shift), 2, -1)
    wanted = x + gate * block(None).down.times(open_ / (1 + np.exp(-open_)) * up)
    apart = Blocks([block(path)], 1e-6, path)
    found = apart(x, modulation)
    assert np.linalg.norm(found - wanted) < 0.005 * np.linalg.norm(wanted - x)
    assert all(np.array_equal(apart(x[:, [token]], modulation), found[:, [token]]) for token in range(7))


def test_without_int8_and_in_odd_widths_numpy_draws() -> None:
    path = HERE[0] if HERE else None
    matrix: Matrix = matrix_of(normal(4, 4), path)
    assert path_of([Block(matrix, matrix)]) is None
    for width, found in ((32, path), (24, None)):
        odd = matrix_of(Quantised(np.ones((width, width), np.int8), np.ones(width, np.float32)), path)
        assert path_of([Block(odd, odd)]) == found


@pytest.mark.parametrize("path", HERE)
def test_what_does_not_fit_is_refused(path: str) -> None:
    weights = Weights(kept(), path).of("blocks.0")
    qkv, o, gate_up, down = (weights.matrix(f"{name}.weight") for name in ("qkv", "o", "gate_up", "down"))
    block = Block(gate_up, down, Attention(qkv, o, weights["q_norm.weight"], weights["k_norm.weight"]))
    turns = rotations(SHAPE)
    modulation = normal(1, 1, 6, SHAPE.dim)
    blocks = Blocks([block], 1e-6, path, turns)
    with pytest.raises(ValueError, match="tokens of"):
        blocks(normal(2, NUM_TOK + 1, SHAPE.dim), modulation)
    with pytest.raises(ValueError, match="tokens of"):
        blocks(normal(2, NUM_TOK, SHAPE.dim), modulation[:, :, :5])
    with pytest.raises(ValueError, match="the rows"):
        blocks(normal(3, NUM_TOK, SHAPE.dim), np.repeat(modulation, 2, 0))
    with pytest.raises(ValueError, match="the model"):
        other = dataclasses.replace(block, down=o)
        Blocks([block, other], 1e-6, path, turns)(normal(2, NUM_TOK, SHAPE.dim), np.repeat(modulation, 2, 1))
