"""Pictures with exact attributes in one file: bytes of pixels, and for every picture one value of each attribute.

A safetensors file with `pixels` (N, S, S, 4), `values` (N, attributes) and, as JSON, what its numbers mean. The hash of
the file names it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from makar.kit.config import from_json, to_json
from makar.kit.errors import Damaged, NotHere
from makar.kit.files import atomic_write, sha256_bytes

FORM = 1


@dataclass(frozen=True)
class Attribute:
    """One thing in which the pictures differ, and the values that it takes."""

    name: str
    values: tuple[str, ...]


Meaning = Mapping[str, tuple[str, ...]]
"""What a word asks for: the values of attributes of which any may be taken."""


@dataclass(frozen=True)
class Facts:
    """What is known of the pictures together.

    package: where they are from; licence: an SPDX name
    words: what can be asked for, as noun -> adjective -> meaning; the empty adjective is the noun by itself, the empty
    noun has the adjectives that stand alone
    """

    package: str
    licence: str
    credit: str
    words: Mapping[str, Mapping[str, Meaning]]
    form: int = FORM


@dataclass(frozen=True)
class Attributed:
    """Pictures of one size, all of them with the same attributes.

    root: the hash of their file
    Shapes: pixels (N, S, S, 4) uint8, values (N, attributes) uint8, each an index into `attributes[k].values`
    """

    pixels: NDArray[np.uint8]
    values: NDArray[np.uint8]
    attributes: tuple[Attribute, ...]
    facts: Facts
    root: str

    def __len__(self) -> int:
        return len(self.pixels)

    def counts(self, num: int) -> tuple[tuple[int, ...], ...]:
        """How often each attribute takes each of its values, among the first rows."""
        return tuple(tuple(int(count) for count in np.bincount(self.values[:num, place], minlength=len(known.values)))
                     for place, known in enumerate(self.attributes))


def write_attributed(path: Path, pixels: NDArray[np.uint8], rows: Sequence[Mapping[str, str]],
                     facts: Facts) -> Attributed:
    """Writes the pictures with a table of their attributes, whose values are numbered in the order of the alphabet.

    Raises: OutOfRoom
    """
    attributes = tuple(Attribute(name, tuple(sorted({row[name] for row in rows}))) for name in rows[0])
    values = np.asarray([[attribute.values.index(row[attribute.name]) for attribute in attributes] for row in rows],
                        np.uint8)
    told = json.dumps({"facts": to_json(facts), "attributes": to_json(attributes)}).encode()
    data = save({"pixels": np.ascontiguousarray(pixels), "values": values, "told": np.frombuffer(told, np.uint8)})
    atomic_write(path, data)
    return Attributed(pixels, values, attributes, facts, sha256_bytes(data))


def open_attributed(path: Path) -> Attributed:
    """The pictures of a file.

    Raises: NotHere, Damaged
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise NotHere(f"there are no pictures with attributes at '{path}' ({error.strerror}); make them with: "
                      "makar train image/avatars_cpu --only-data -o FOLDER") from error
    try:
        tensors = load(data)
        told: Mapping[str, Any] = json.loads(tensors["told"].tobytes())
        attributes = tuple(from_json(Attribute, part) for part in told["attributes"])
        found = Attributed(tensors["pixels"], tensors["values"], attributes, from_json(Facts, told["facts"]),
                           sha256_bytes(data))
        most = [len(attribute.values) for attribute in attributes]
        if (found.facts.form != FORM or found.values.shape != (len(found), len(most)) or not len(found)
                or (found.values.max(0) >= most).any() or found.pixels.ndim != 4 or found.pixels.shape[3] != 4):
            raise ValueError("its parts do not fit together")
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise Damaged(f"'{path}' cannot be read as pictures with attributes ({error!s:.100}); make it anew") from error
    return found
