"""The blocks of the nets that draw, by the kernel: each picture on one thread, so that its bytes do not depend on its
company.
"""

from __future__ import annotations

from collections.abc import Sequence
from ctypes import POINTER, Structure, byref, c_double, c_int64, c_void_p
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from makar.native.library import ERRORS, library, num_cores, path_number
from makar.native.products import Bytes, Int8, Matrix

Reals = NDArray[np.float32]
_LANES = 16


@dataclass(frozen=True)
class Attention:
    """How tokens look at each other. Shapes: q_norm, k_norm (head_dim,)"""

    qkv: Matrix
    o: Matrix
    q_norm: Reals
    k_norm: Reals


@dataclass(frozen=True)
class Block:
    """The weights of a block; without `attention` its tokens do not look at each other."""

    gate_up: Matrix
    down: Matrix
    attention: Attention | None = None


class _Block(Structure):
    _fields_ = (*((name, Bytes) for name in ("qkv", "o", "gate_up", "down")),
                *((name, c_void_p) for name in ("q_norm", "k_norm")))


class _Blocks(Structure):
    _fields_ = (*((name, c_int64) for name in ("num_blocks", "num_tokens", "dim", "num_heads", "hidden_dim")),
                ("norm_eps", c_double), ("blocks", POINTER(_Block)), ("cos", c_void_p), ("sin", c_void_p))


class Blocks:
    """All blocks, in the kernel's hands. Their matrices are in int8, ready for `path`.

    turns: cosines and sines for tokens that look. Shapes: (tokens, head_dim) each
    """

    def __init__(self, blocks: Sequence[Block], norm_eps: float, path: str,
                 turns: tuple[Reals, Reals] | None = None) -> None:
        found = library()
        assert found is not None, "a path is one of the kernel's"
        self._draw, self._path = found.makar_draw, path_number(path)
        self._kept: list[Any] = [blocks]  # what the kernel points to
        each = (_Block * len(blocks))(*map(self._block, blocks))
        self._dim, self._num_tok = int(each[0].down.rows), None if turns is None else len(turns[0])
        num_heads = 0 if turns is None else self._dim // turns[0].shape[1]
        self._blocks = _Blocks(len(blocks), 0, self._dim, num_heads, each[0].down.cols, norm_eps, each,
                               *(self._address(turn) for turn in turns or ()))

    def __call__(self, x: Reals, modulation: Reals) -> Reals:
        """Each row of the modulation serves as many pictures, in their order. It has, block by block, shift, scale and
        gate of the looking, if there is any, and then of the rest.

        Shapes: x (pictures, tokens, dim), modulation (asked, blocks, 6 or 3, dim) -> (pictures, tokens, dim)
        """
        told = (len(modulation), self._blocks.num_blocks, 6 if self._blocks.num_heads else 3, self._dim)
        if x.shape[1:] != (self._num_tok or x.shape[1], self._dim) or modulation.shape != told:
            raise ValueError(f"tokens of {x.shape[1:]} with modulation of {modulation.shape} for blocks of {told[1:]}")
        blocks = _Blocks.from_buffer_copy(self._blocks)
        blocks.num_tokens = x.shape[1]
        x, modulation = np.array(x, np.float32), np.ascontiguousarray(modulation, np.float32)
        error = self._draw(self._path, byref(blocks), x.ctypes.data, modulation.ctypes.data, len(x), len(modulation),
                           num_cores())
        if error:
            raise ValueError(f"the kernel refused {ERRORS[error]}")
        return x

    def _block(self, block: Block) -> _Block:
        found = _Block(gate_up=_bytes(block.gate_up), down=_bytes(block.down))
        if block.attention is not None:
            found.qkv, found.o = _bytes(block.attention.qkv), _bytes(block.attention.o)
            found.q_norm, found.k_norm = self._address(block.attention.q_norm), self._address(block.attention.k_norm)
        return found

    def _address(self, numbers: Reals) -> int:
        self._kept.append(np.ascontiguousarray(numbers, np.float32))
        return int(self._kept[-1].ctypes.data)


def _bytes(matrix: Matrix) -> Bytes:
    assert isinstance(matrix, Int8), "blocks that have a path are in int8"
    return matrix.bytes


def path_of(blocks: Sequence[Block]) -> str | None:
    """The kernel's path for these blocks; None where some of their matrices are not in int8 or their tokens are of a
    width that is not in sixteens, or where no kernel is here.
    """
    attentions = [block.attention for block in blocks if block.attention is not None]
    matrices = [*(matrix for block in blocks for matrix in (block.gate_up, block.down)),
                *(matrix for attention in attentions for matrix in (attention.qkv, attention.o))]
    paths = {matrix.path if isinstance(matrix, Int8) else None for matrix in matrices}
    narrow = any(isinstance(block.gate_up, Int8) and block.gate_up.cols % _LANES for block in blocks)
    return paths.pop() if len(paths) == 1 and not narrow else None
