"""Writes a safetensors file tensor by tensor: the header is computed first, so memory holds one slab at a time."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import BinaryIO

import numpy as np

from makar.kit.errors import BadInput
from makar.kit.files import atomic_writer
from makar.kit.progress import Progress
from makar.store.families import Target

SLAB_NUMBERS = 1 << 23
WIDTH_BYTES = {"BF16": 2, "F32": 4}
Rows = Callable[[str, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Written:
    """What one weights file came out as."""

    sha256: str
    num_bytes: int


def kept_as(target: Target, dtype: str) -> str:
    """The safetensors type of a native tensor: norms in float32, the rest as asked."""
    return "F32" if target.full_precision or dtype == "float32" else "BF16"


def write_weights(path: Path, targets: Sequence[Target], rows: Rows, dtype: str) -> Written:
    """Writes all of `targets`, whose float32 rows `rows(source name, row numbers)` gives; hashes on the way.

    Raises: BadInput (a value that is no finite number), OutOfRoom
    """
    header = _header(targets, dtype)
    digest, total = hashlib.sha256(header), len(header)
    with atomic_writer(path) as file, Progress("converting", _num_bytes(targets, dtype) / 1e6, "MB") as progress:
        file.write(header)
        for target in targets:
            total += _write_tensor(file, digest.update, target, rows, kept_as(target, dtype), progress)
    return Written(digest.hexdigest(), total)


def _num_bytes(targets: Sequence[Target], dtype: str) -> int:
    return sum(int(np.prod(target.shape)) * WIDTH_BYTES[kept_as(target, dtype)] for target in targets)


def _header(targets: Sequence[Target], dtype: str) -> bytes:
    entries: dict[str, dict[str, object]] = {"__metadata__": {"format": "pt"}}
    at = 0
    for name, group in groupby(targets, key=attrgetter("name")):
        parts = list(group)
        kind, shape = kept_as(parts[0], dtype), [sum(part.shape[0] for part in parts), *parts[0].shape[1:]]
        size = math.prod(shape) * WIDTH_BYTES[kind]
        entries[name] = {"dtype": kind, "shape": shape, "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(entries, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 64 + 56)  # the length word and the header together end on a 64-byte border
    return len(text).to_bytes(8, "little") + text


def _write_tensor(file: BinaryIO, digest: Callable[[bytes], None], target: Target, rows: Rows, kind: str,
                  progress: Progress) -> int:
    order, width = target.row_order(), target.shape[-1]
    step, written = max(1, SLAB_NUMBERS // width), 0
    for start in range(0, len(order), step):
        slab = rows(target.source, order[start:start + step])
        if not np.isfinite(slab).all():
            raise BadInput(f"tensor '{target.source}' holds values that are not finite numbers; "
                           "the file is damaged or was badly made")
        data = (slab.astype("<f4", copy=False) if kind == "F32" else to_bfloat16(slab)).tobytes()
        file.write(data)
        digest(data)
        written += len(data)
        progress.advance(len(data) / 1e6, target.name)
    return written


def to_bfloat16(values: np.ndarray) -> np.ndarray:
    """Finite float32 as bfloat16 bit patterns, rounded to the nearest even."""
    bits = np.ascontiguousarray(values, dtype=np.float32).view(np.uint32)
    return ((bits + (((bits >> 16) & 1) + np.uint32(0x7FFF))) >> 16).astype("<u2")
