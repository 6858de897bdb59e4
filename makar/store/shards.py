"""Weights in safetensors files of at most 16 MB, so that any part of them can be carried on its own: how they are read.

`makar.nets.shards` writes them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Quantised:
    """A matrix in int8. Shapes: values (rows, cols), scales (rows,): what each row is worth"""

    values: NDArray[np.int8]
    scales: Reals

    def reals(self) -> Reals:
        """In fp32."""
        return self.values * self.scales[:, None]

    def turned(self) -> Quantised:
        """Its transpose, but for the scales: what multiplies with it is multiplied by them first."""
        return Quantised(np.ascontiguousarray(self.values.T), np.ones(self.values.shape[1], np.float32))


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


def load_arrays(folder: Path, stem: str) -> tuple[dict[str, Reals | Quantised], dict[str, Any]]:
    """The tensors, those without a scale as fp32 whatever they are stored as, and the facts.

    Raises: Damaged
    """
    try:
        index = read_index(folder, stem)
        found = {name: np.empty(shape, np.int8 if name + SCALE in index["tensors"] else np.float32)
                 for name, (_, shape) in index["tensors"].items()}
        for data in read_files(folder, stem, index["sha256"]):
            for piece, stored in deserialize(data):
                name, _, start = piece.rpartition("@")
                raw, kind = cast(bytearray, stored["data"]), cast(str, stored["dtype"])
                values: NDArray[Any] = np.frombuffer(raw, _STORED[kind])
                place = found[name].reshape(-1)[int(start):int(start) + len(values)]
                if kind == "BF16":  # the upper half of an fp32
                    np.left_shift(values, 16, out=place.view(np.uint32), dtype=np.uint32)
                else:
                    np.copyto(place, values)
        scales = {name.removesuffix(SCALE): found.pop(name) for name in [*found] if name.endswith(SCALE)}
        return {name: Quantised(found[name], scales[name].reshape(len(found[name]))) if name in scales else found[name]
                for name in found}, dict(index["facts"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, SafetensorError) as error:
        raise unreadable(folder, stem, error) from error


def reals(weight: Reals | Quantised) -> Reals:
    """Weights in fp32, however they are kept."""
    return weight.reals() if isinstance(weight, Quantised) else weight
