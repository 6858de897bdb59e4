"""The blocks of a Transformer over pictures, by the kernel: each picture on one thread, so that its bytes do not depend
on its company.
"""

from __future__ import annotations

from collections.abc import Sequence
from ctypes import POINTER, Structure, byref, c_double, c_int64, c_void_p
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from makar.native.library import ERRORS, library, num_cores, path_number
from makar.native.products import Bytes, Int8, Matrix

Reals = NDArray[np.float32]


@dataclass(frozen=True)
class Block:
    """The weights of a block. Shapes: q_norm, k_norm (head_dim,)"""

    qkv: Matrix
    o: Matrix
    gate_up: Matrix
    down: Matrix
    q_norm: Reals
    k_norm: Reals


class _Block(Structure):
    _fields_ = (*((name, Bytes) for name in ("qkv", "o", "gate_up", "down")),
                *((name, c_void_p) for name in ("q_norm", "k_norm")))


class _Blocks(Structure):
    _fields_ = (*((name, c_int64) for name in ("num_blocks", "num_tokens", "dim", "num_heads", "hidden_dim")),
                ("norm_eps", c_double), ("blocks", POINTER(_Block)), ("cos", c_void_p), ("sin", c_void_p))


class Blocks:
    """All blocks, in the kernel's hands. Their matrices are in int8, ready for `path`.

    Shapes: cos, sin (tokens, head_dim)
    """

    def __init__(self, blocks: Sequence[Block], norm_eps: float, cos: Reals, sin: Reals, path: str) -> None:
        found = library()
        assert found is not None, "a path is one of the kernel's"
        self._draw, self._path = found.makar_draw, path_number(path)
        self._kept: list[Any] = [blocks, cos, sin]  # what the kernel points to
        each = (_Block * len(blocks))(*map(self._block, blocks))
        num_tok, head_dim = cos.shape
        self._dim = int(each[0].o.cols)
        self._blocks = _Blocks(len(blocks), num_tok, self._dim, self._dim // head_dim, each[0].down.cols, norm_eps,
                               each, cos.ctypes.data, sin.ctypes.data)

    def __call__(self, x: Reals, modulation: Reals) -> Reals:
        """Each row of the modulation serves as many pictures, in their order.

        Shapes: x (pictures, tokens, dim), modulation (asked, blocks, 6, dim) -> (pictures, tokens, dim)
        """
        shape = (len(modulation), self._blocks.num_blocks, 6, self._dim)
        if x.shape[1:] != (self._blocks.num_tokens, self._dim) or modulation.shape != shape:
            raise ValueError(f"tokens of {x.shape[1:]} with modulation of {modulation.shape} for blocks of {shape[1:]}")
        x, modulation = np.array(x, np.float32), np.ascontiguousarray(modulation, np.float32)
        error = self._draw(self._path, byref(self._blocks), x.ctypes.data, modulation.ctypes.data, len(x),
                           len(modulation), num_cores())
        if error:
            raise ValueError(f"the kernel refused {ERRORS[error]}")
        return x

    def _block(self, block: Block) -> _Block:
        norms = [np.ascontiguousarray(norm, np.float32) for norm in (block.q_norm, block.k_norm)]
        self._kept += norms
        each = (block.qkv, block.o, block.gate_up, block.down)
        matrices = [matrix.bytes for matrix in each if isinstance(matrix, Int8)]
        return _Block(*matrices, *(norm.ctypes.data for norm in norms))


def path_of(blocks: Sequence[Block]) -> str | None:
    """The kernel's path for these blocks; None where some of their matrices are not in int8, or no kernel is here."""
    matrices = [getattr(block, field.name) for block in blocks for field in fields(block) if "norm" not in field.name]
    paths = {matrix.path if isinstance(matrix, Int8) else None for matrix in matrices}
    return paths.pop() if len(paths) == 1 else None
