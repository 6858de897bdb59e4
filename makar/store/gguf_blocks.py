"""The quantised blocks of a GGUF tensor as whole numbers, scales and offsets: what it says, before any rounding.

Source: the GGUF specification and its quantisation kinds; every group has 32 weights, value = scale * q + low.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from makar.store.gguf_file import GGUFFile

GROUP = 32


@dataclass(frozen=True)
class Blocks:
    """Rows of a tensor in groups of 32 along the row; `bits` is what the largest q needs: 4, 5 or 8.

    Shapes: q (rows, cols) uint8; scale, low (rows, cols / 32) float32
    """

    q: np.ndarray
    scale: np.ndarray
    low: np.ndarray
    bits: int

    def values(self) -> np.ndarray:
        """The weights. Shapes: (rows, cols) float32"""
        groups = self.q.reshape(*self.scale.shape, GROUP).astype(np.float32)
        return (groups * self.scale[..., None] + self.low[..., None]).reshape(self.q.shape)


def bits_of(kind: str) -> int:
    """Bits of a weight of this kind, where its blocks can be read exactly; 16 for all others."""
    return _KINDS[kind][0] if kind in _KINDS else 16


def read_blocks(file: GGUFFile, name: str, index: np.ndarray) -> Blocks | None:
    """The rows `index` of a tensor as blocks, or None where its kind is not made of groups of 32."""
    entry = file.tensors[name]
    if entry.kind not in _KINDS:
        return None
    bits, block_bytes, read = _KINDS[entry.kind]
    picked = file.stored_rows(name, index)
    q, scale, low = read(picked.reshape(-1, block_bytes))
    rows, cols = len(index), entry.shape[-1]
    shape = (rows, cols // GROUP)
    return Blocks(q.reshape(rows, cols), scale.reshape(shape), low.reshape(shape), bits)


def _half(blocks: np.ndarray, at: int) -> np.ndarray:
    return np.ascontiguousarray(blocks[:, at:at + 2]).view("<f2").astype(np.float32)


def _nibbles(packed: np.ndarray) -> np.ndarray:
    """Low halves of the bytes, then the high halves."""
    return np.concatenate((packed & 15, packed >> 4), -1)


def _fifth_bits(blocks: np.ndarray, at: int) -> np.ndarray:
    return np.unpackbits(blocks[:, at:at + 4], axis=-1, bitorder="little") << 4


Parts = tuple[np.ndarray, np.ndarray, np.ndarray]


def _q4_0(blocks: np.ndarray) -> Parts:
    scale = _half(blocks, 0)
    return _nibbles(blocks[:, 2:]), scale, -8 * scale


def _q4_1(blocks: np.ndarray) -> Parts:
    return _nibbles(blocks[:, 4:]), _half(blocks, 0), _half(blocks, 2)


def _q5_0(blocks: np.ndarray) -> Parts:
    scale = _half(blocks, 0)
    return _nibbles(blocks[:, 6:]) | _fifth_bits(blocks, 2), scale, -16 * scale


def _q5_1(blocks: np.ndarray) -> Parts:
    return _nibbles(blocks[:, 8:]) | _fifth_bits(blocks, 4), _half(blocks, 0), _half(blocks, 2)


def _q8_0(blocks: np.ndarray) -> Parts:
    scale = _half(blocks, 0)
    return blocks[:, 2:] ^ 0x80, scale, -128 * scale


def _k_scales(blocks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Scales and offsets of the 8 groups of a block of 256: 6-bit numbers times the block's own."""
    low, high, rest = blocks[:, 4:8], blocks[:, 8:12], blocks[:, 12:16]
    scale = np.concatenate((low & 63, (rest & 15) | (low >> 6 << 4)), -1)
    offset = np.concatenate((high & 63, (rest >> 4) | (high >> 6 << 4)), -1)
    return scale * _half(blocks, 0), -(offset * _half(blocks, 2))


def _q4_k(blocks: np.ndarray) -> Parts:
    return _nibbles(blocks[:, 16:].reshape(-1, 4, GROUP)), *_k_scales(blocks)


def _q5_k(blocks: np.ndarray) -> Parts:
    fifth = (blocks[:, None, 16:48] >> np.arange(8, dtype=np.uint8)[None, :, None] & 1) << 4
    q = _nibbles(blocks[:, 48:].reshape(-1, 4, GROUP)).reshape(-1, 8, GROUP)
    return q | fifth, *_k_scales(blocks)


# kind -> bits, bytes of a block, how it is read
_KINDS: dict[str, tuple[int, int, Callable[[np.ndarray], Parts]]] = {
    "Q4_0": (4, 18, _q4_0), "Q4_1": (4, 20, _q4_1), "Q5_0": (5, 22, _q5_0), "Q5_1": (5, 24, _q5_1),
    "Q8_0": (8, 34, _q8_0), "Q4_K": (4, 144, _q4_k), "Q5_K": (5, 176, _q5_k)}
