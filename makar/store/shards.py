"""Weights in safetensors files of at most 16 MB, so that any part of them can be carried on its own: how they are read.

`makar.nets.shards` writes them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, deserialize

from makar.kit.errors import Damaged
from makar.kit.files import sha256_bytes

Reals = NDArray[np.float32]
_STORED: dict[str, np.dtype[Any]] = {
    "F32": np.dtype(np.float32), "F16": np.dtype(np.float16), "BF16": np.dtype(np.uint16), "I8": np.dtype(np.int8)}
SCALE = ":scale"
"""After the name of an int8 matrix: what to multiply each row by."""


def read_index(folder: Path, stem: str) -> dict[str, Any]:
    """`facts`, the `sha256` of every file, and of `tensors` the kind and the shape of each.

    Raises: OSError, ValueError, KeyError (it cannot be read)
    """
    index: dict[str, Any] = json.loads((folder / f"{stem}.json").read_bytes())
    return {key: index[key] for key in ("facts", "sha256", "tensors")}


def read_files(folder: Path, stem: str, hashes: Sequence[str]) -> Iterator[bytes]:
    """The files one after the other, every hash compared.

    Raises: Damaged (one was changed), OSError
    """
    def read(number: int) -> bytes:
        path = folder / f"{stem}-{number:05}.safetensors"
        data = path.read_bytes()
        if sha256_bytes(data) != hashes[number]:
            raise Damaged(f"'{path}' was changed; go on from another checkpoint")
        return data

    with ThreadPoolExecutor(2) as pool:  # one is hashed while another is unpacked
        yield from pool.map(read, range(len(hashes)))


def unreadable(folder: Path, stem: str, error: Exception) -> Damaged:
    """What to say of files that are not what they should be."""
    return Damaged(f"the {stem} in '{folder}' cannot be read ({error!s:.200}); go on from another checkpoint")


def load_arrays(folder: Path, stem: str) -> tuple[dict[str, Reals], dict[str, Any]]:
    """The tensors, as fp32 whatever they are stored as, and the facts.

    Raises: Damaged
    """
    try:
        index = read_index(folder, stem)
        arrays = {name: np.empty(shape, np.float32) for name, (_, shape) in index["tensors"].items()}
        for data in read_files(folder, stem, index["sha256"]):
            for piece, stored in deserialize(data):
                name, _, start = piece.rpartition("@")
                raw, kind = cast(bytearray, stored["data"]), cast(str, stored["dtype"])
                values: NDArray[Any] = np.frombuffer(raw, _STORED[kind])
                place = arrays[name].reshape(-1)[int(start):int(start) + len(values)]
                if kind == "BF16":  # the upper half of an fp32
                    np.left_shift(values, 16, out=place.view(np.uint32), dtype=np.uint32)
                else:
                    place[:] = values
        for name in [name for name in arrays if name.endswith(SCALE)]:
            arrays[name.removesuffix(SCALE)] *= arrays.pop(name)
        return arrays, dict(index["facts"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, SafetensorError) as error:
        raise unreadable(folder, stem, error) from error
