"""Matrices that rows are multiplied by, without PyTorch: in fp32 by BLAS, in int8 by the kernel.

With int8 the rows, too, are of 8 bits, rounded one by one as they come: q = round(127 x / max |x|). Sums are of whole
numbers and exact, so every path of the kernel, and NumPy where there is none, come to the same bits.

Source: Yao et al. 2022, arXiv:2206.01861, section 4 (a scale for each row of weights and for each row of activations)
"""

from __future__ import annotations

from collections.abc import Iterator
from ctypes import Structure, byref, c_int64, c_void_p
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from makar.kit.errors import NotHere
from makar.native.library import ERRORS, has_path, library, num_cores, path_number
from makar.store.shards import Quantised, reals

Reals = NDArray[np.float32]
_PANEL, _QUAD = 16, 4
_FEW = 5
_EXACT = 1024
"""So many products of bytes add up to less than 2^24, which fp32 holds exactly."""
_MOST_COLS = (1 << 16) - 1
"""Of longer rows the sums might not fit into 32 bits."""


class Matrix(Protocol):
    """W, for x W'."""

    def times(self, x: Reals) -> Reals:
        """Shapes: (..., in) -> (..., out)

        Raises: ValueError (another shape)
        """
        ...

    def finely(self, x: Reals) -> Reals:
        """The same, where 8 bits of x are too few."""
        ...


class Real:
    """A matrix in fp32."""

    def __init__(self, weight: Reals) -> None:
        self._weight = weight

    def times(self, x: Reals) -> Reals:
        """Shapes: (..., in) -> (..., out)"""
        rows = x.reshape(-1, x.shape[-1])
        # For a row or two BLAS would rather copy the matrix than read it.
        y = np.stack([self._weight @ row for row in rows]) if len(rows) < _FEW else rows @ self._weight.T
        return y.reshape(*x.shape[:-1], -1)

    finely = times


class Bytes(Structure):
    """As the kernel knows such a matrix."""

    _fields_ = (("rows", c_int64), ("cols", c_int64), ("data", c_void_p), ("scales", c_void_p), ("moved", c_void_p))


class Int8:
    """A matrix in int8 with a scale for each row. path: of the kernel; None for NumPy alone

    Bytes stand in panels of 16 rows: for each four columns, row by row, the four.
    Shapes: values (out, in), scales (out,)
    Raises: NotHere (this machine has no such path)
    """

    def __init__(self, values: NDArray[np.int8], scales: Reals, path: str | None) -> None:
        self._rows, self.cols = values.shape
        self.path, self._scales = path, scales.astype(np.float32)
        self._values: NDArray[Any] = values
        if path is None:
            return
        found = library()
        if found is None or not has_path(path):
            raise NotHere(f"the kernel's path '{path}' does not run here")
        self._multiply = found.makar_multiply_bytes
        panels, quads = -(-self._rows // _PANEL), -(-self.cols // _QUAD)
        padded = np.zeros((panels * _PANEL, quads * _QUAD), np.int8)
        padded[:self._rows, :self.cols] = values
        self._values = padded.view(np.int32).reshape(panels, _PANEL, quads).swapaxes(1, 2).copy()
        self._scales = np.pad(self._scales, (0, len(padded) - self._rows))
        self._moved = np.pad(values.sum(1, dtype=np.int32) * 128, (0, len(padded) - self._rows))
        self.bytes = Bytes(self._rows, self.cols, *(part.ctypes.data for part in
                                                       (self._values, self._scales, self._moved)))

    def times(self, x: Reals) -> Reals:
        """Shapes: (..., in) -> (..., out)

        Raises: ValueError (rows of another length)
        """
        if x.shape[-1] != self.cols:
            raise ValueError(f"a matrix of {self.cols} columns times rows of {x.shape[-1]}")
        rows = np.ascontiguousarray(x, np.float32).reshape(-1, self.cols)
        y = np.empty((len(rows), self._rows), np.float32)
        if self.path is None:
            y = self._alone(rows)
        elif len(rows):
            error = self._multiply(path_number(self.path), byref(self.bytes), rows.ctypes.data, len(rows),
                                   y.ctypes.data, num_cores())
            if error:
                raise ValueError(f"the kernel refused {ERRORS[error]}")
        return y.reshape(*x.shape[:-1], self._rows)

    def finely(self, x: Reals) -> Reals:
        """What 8 bits leave of x is multiplied, too. Shapes: (..., in) -> (..., out)"""
        q, step = _rounded(x)
        return self.times(x) + self.times(x - q * step)

    def _alone(self, rows: Reals) -> Reals:
        q, step = _rounded(rows)
        total = np.zeros((len(rows), self._rows), np.int32)
        for part in _parts(self.cols):
            total += (q[:, part] @ self._values[:, part].astype(np.float32).T).astype(np.int32)
        y: Reals = total.astype(np.float32) * self._scales * step
        return y


def matrix_of(weight: Reals | Quantised, path: str | None) -> Matrix:
    """Ready to be multiplied by. path: as of `Int8`. Shapes: weight (out, in)"""
    if isinstance(weight, Quantised) and weight.values.shape[1] <= _MOST_COLS:
        return Int8(weight.values, weight.scales, path)
    return Real(reals(weight))


def _rounded(x: Reals) -> tuple[Reals, Reals]:
    """As the kernel rounds. Shapes: (..., n) -> (..., n) whole numbers, (..., 1)"""
    top = np.abs(x).max(-1, keepdims=True)
    factor = np.divide(np.float32(127), top, out=np.zeros_like(top), where=top > 1e-30)
    return np.rint(x * factor), top * np.float32(1 / 127)


def _parts(num: int) -> Iterator[slice]:
    for start in range(0, num, _EXACT):
        yield slice(start, start + _EXACT)
