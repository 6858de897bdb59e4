"""Reads a GGUF file: its metadata, its list of tensors and rows of them, believing no number in it unchecked.

Source: the GGUF specification, versions 2 and 3 (little endian).
"""

from __future__ import annotations

import math
import mmap
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType
from gguf.quants import dequantize

from makar.kit.errors import BadInput, Damaged, NotHere

_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
_MAX_DIMS = 4
_READABLE = ("F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K",
             "IQ4_NL", "IQ4_XS")


@dataclass(frozen=True)
class Entry:
    """Where one tensor lies. `shape` is row-major (outermost first); `offset` counts from the start of the file."""

    name: str
    kind: str
    shape: tuple[int, ...]
    offset: int
    num_bytes: int

    @property
    def num_rows(self) -> int:
        """Rows of the last dimension; a vector is one row."""
        return math.prod(self.shape[:-1])


class _Cursor:
    """A position in the file that refuses to read past its end."""

    def __init__(self, data: mmap.mmap, path: Path) -> None:
        self.data, self.path, self.at = data, path, 0

    def need(self, num_bytes: int, what: str) -> int:
        """Moves on by `num_bytes` and returns where they start."""
        start = self.at
        if num_bytes > len(self.data) - start:
            raise Damaged(f"'{self.path}' is cut short or damaged: {what} needs {num_bytes:,} bytes at byte {start:,}, "
                          f"the file has {len(self.data):,}; fetch it again")
        self.at = start + num_bytes
        return start

    def number(self, code: str, what: str) -> Any:
        """One little-endian number of that struct code."""
        return struct.unpack_from(f"<{code}", self.data, self.need(struct.calcsize(f"<{code}"), what))[0]

    def text(self, what: str) -> str:
        """A string with its 64-bit length in front."""
        length = self.number("Q", what)
        start = self.need(length, what)
        try:
            return self.data[start:start + length].decode("utf-8")
        except UnicodeDecodeError as error:
            raise Damaged(f"'{self.path}' is damaged: {what} at byte {start:,} is not UTF-8; fetch it again") from error

    def value(self, kind: int, what: str) -> Any:
        """A metadata value of that type number."""
        if kind == _STRING:
            return self.text(what)
        if kind in _SCALARS:
            return self.number(_SCALARS[kind], what)
        if kind == _ARRAY:
            return self._array(what)
        raise Damaged(f"'{self.path}' is damaged: {what} has the unknown value type {kind}; fetch it again")

    def _array(self, what: str) -> list[Any]:
        kind, count = self.number("I", what), self.number("Q", what)
        if kind == _STRING:
            if count > (len(self.data) - self.at) // 8:
                self.need(count * 8, f"{what} with {count:,} strings")
            return [self.text(what) for _ in range(count)]
        if kind in _SCALARS:
            code = _SCALARS[kind]
            start = self.need(count * struct.calcsize(f"<{code}"), f"{what} with {count:,} numbers")
            return list(struct.unpack_from(f"<{count}{code}", self.data, start))
        raise Damaged(f"'{self.path}': {what} is an array of the unreadable type {kind}; expected numbers or strings")


class GGUFFile:
    """An open GGUF file: `metadata` by key and `tensors` by name, every extent checked against the file's length."""

    def __init__(self, path: Path) -> None:
        """Raises: NotHere, BadInput (no GGUF file), Damaged"""
        self.path = path
        self._map = _open_map(path)
        try:
            self._read()
        except BaseException:
            self._map.close()
            raise

    def _read(self) -> None:
        cursor = _Cursor(self._map, self.path)
        num_tensors, num_keys = _counts(cursor)
        self.metadata: Mapping[str, Any] = _metadata(cursor, num_keys)
        infos = [_tensor_info(cursor) for _ in range(num_tensors)]
        alignment = self.metadata.get("general.alignment", 32)
        if not isinstance(alignment, int) or not 1 <= alignment <= 1 << 20 or alignment & (alignment - 1):
            raise Damaged(f"'{self.path}' is damaged: alignment {alignment!r} is no power of two")
        start = -(-cursor.at // alignment) * alignment
        self.tensors: dict[str, Entry] = {}
        for name, dims, kind, offset in infos:
            if name in self.tensors:
                raise Damaged(f"'{self.path}' is damaged: tensor '{name}' is listed twice")
            self.tensors[name] = self._entry(name, dims, kind, start + offset)

    def _entry(self, name: str, dims: tuple[int, ...], kind: int, offset: int) -> Entry:
        try:
            known = GGMLQuantizationType(kind)
        except ValueError:
            raise Damaged(f"'{self.path}': tensor '{name}' has the unknown type number {kind}") from None
        if known.name not in _READABLE:
            raise BadInput(f"'{self.path}': tensor '{name}' is stored as {known.name}, which Makar does not read; "
                           f"use a file in one of: {', '.join(_READABLE)}")
        block, block_bytes = GGML_QUANT_SIZES[known]
        count = math.prod(dims)
        if count == 0 or dims[0] % block:
            raise Damaged(f"'{self.path}' is damaged: tensor '{name}' of shape {dims} does not fit {known.name} "
                          f"blocks of {block}")
        num_bytes = count // block * block_bytes
        if offset + num_bytes > len(self._map):
            raise Damaged(f"'{self.path}' is cut short or damaged: tensor '{name}' ends at byte "
                          f"{offset + num_bytes:,}, the file has {len(self._map):,}; fetch it again")
        return Entry(name, known.name, tuple(reversed(dims)), offset, num_bytes)

    def stored_rows(self, name: str, index: np.ndarray) -> np.ndarray:
        """The rows `index` of a tensor as they are stored, (len(index), bytes of a row)."""
        entry = self.tensors[name]
        stored = np.frombuffer(self._map, dtype=np.uint8, count=entry.num_bytes, offset=entry.offset)
        return stored.reshape(entry.num_rows, -1)[index]  # a copy: a view would keep the map open

    def rows(self, name: str, index: np.ndarray) -> np.ndarray:
        """The rows `index` of a tensor as float32, (len(index), row length)."""
        entry = self.tensors[name]
        kind, picked = GGMLQuantizationType[entry.kind], self.stored_rows(name, index)
        with np.errstate(all="ignore"):
            if entry.kind == "F32":
                return picked.view("<f4")
            if entry.kind == "F16":
                return picked.view("<f2").astype(np.float32)
            return np.asarray(dequantize(picked, kind), dtype=np.float32)

    def close(self) -> None:
        """Lets go of the file."""
        self._map.close()

    def __enter__(self) -> GGUFFile:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()


def _open_map(path: Path) -> mmap.mmap:
    try:
        with path.open("rb") as file:
            if file.read(4) != b"GGUF":
                raise BadInput(f"'{path}' is not a GGUF file (its first four bytes are not 'GGUF')")
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except FileNotFoundError:
        raise NotHere(f"there is no file '{path}'") from None
    except OSError as error:
        raise BadInput(f"cannot read '{path}': {error.strerror}") from error


def _counts(cursor: _Cursor) -> tuple[int, int]:
    cursor.at = 4
    version = cursor.number("I", "the version")
    if version not in (2, 3):
        raise BadInput(f"'{cursor.path}' is GGUF version {version}; expected 2 or 3, little endian")
    num_tensors, num_keys = cursor.number("Q", "the tensor count"), cursor.number("Q", "the key count")
    left = len(cursor.data) - cursor.at
    if num_tensors > left // 24 or num_keys > left // 13:
        raise Damaged(f"'{cursor.path}' is damaged: its header promises {num_tensors:,} tensors and {num_keys:,} keys "
                      f"in {len(cursor.data):,} bytes; fetch it again")
    return num_tensors, num_keys


def _metadata(cursor: _Cursor, num_keys: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for _ in range(num_keys):
        key = cursor.text("a metadata key")
        if key in found:
            raise Damaged(f"'{cursor.path}' is damaged: metadata key '{key[:80]}' appears twice")
        found[key] = cursor.value(cursor.number("I", f"the type of '{key[:80]}'"), f"'{key[:80]}'")
    return found


def _tensor_info(cursor: _Cursor) -> tuple[str, tuple[int, ...], int, int]:
    name = cursor.text("a tensor name")
    num_dims = cursor.number("I", f"tensor '{name[:80]}'")
    if not 1 <= num_dims <= _MAX_DIMS:
        raise Damaged(f"'{cursor.path}' is damaged: tensor '{name[:80]}' has {num_dims} dimensions")
    dims = tuple(cursor.number("Q", f"tensor '{name[:80]}'") for _ in range(num_dims))
    return name, dims, cursor.number("I", f"tensor '{name[:80]}'"), cursor.number("Q", f"tensor '{name[:80]}'")
