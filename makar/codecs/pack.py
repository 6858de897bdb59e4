"""A pack: pictures, the words for them and these words' embeddings in few and small files, each named by its hash.

    pack.json                  what it holds, the hash of every file, one root over all
    entries.json.xz            a line of facts for every picture, in order
    pixels-SIZE-NNNNN.xz       RGBA bytes of up to 2,048 pictures of one size, one after the other
    words.safetensors          the embeddings of all phrases
"""

from __future__ import annotations

import json
import lzma
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load, save

from makar.kit.config import canonical, to_json
from makar.kit.errors import BadInput, Damaged, NotHere
from makar.kit.files import atomic_write, sha256_bytes

FORM = 1
SHARD_PICTURES = 2048
SPLITS = ("train", "held_out")
Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Entry:
    """One picture's facts.

    phrases: what it may be asked for by, the plainest first; style: the family of its look; source: where it is from
    split: `held_out` where the pair of concept and style is never trained on
    """

    id: str
    concept: str
    phrases: tuple[str, ...]
    style: str
    source: str
    licence: str
    credit: str
    split: str
    size_px: int


@dataclass(frozen=True)
class Words:
    """Embeddings of phrases as small integers: token i of a phrase is `values[starts[k] + i] * scale`.

    basis, mean: the map from the text model's states to these numbers, needed to embed other phrases
    Shapes: values (tokens, dim), starts (phrases + 1,), basis (states, dim), mean (states,), scale (dim,)
    """

    phrases: tuple[str, ...]
    values: NDArray[np.int8]
    starts: NDArray[np.int64]
    basis: NDArray[np.float32]
    mean: NDArray[np.float32]
    scale: NDArray[np.float32]

    def of(self, index: int) -> NDArray[np.float32]:
        """Shapes: -> (tokens of the phrase, dim)"""
        found: NDArray[np.float32] = self.values[self.starts[index]:self.starts[index + 1]] * self.scale
        return found


class Pack:
    """A pack on disk; files are read and their hashes compared when they are first needed."""

    def __init__(self, folder: Path, facts: Mapping[str, Any]) -> None:
        self.folder, self.facts = folder, facts

    @property
    def root(self) -> str:
        """The hash that names the whole."""
        return str(self.facts["root"])

    @property
    def looks(self) -> tuple[str, ...]:
        """Every style and every source, which a model learns as conditions."""
        return tuple(self.facts["looks"])

    @cached_property
    def entries(self) -> tuple[Entry, ...]:
        """Raises: Damaged"""
        rows = json.loads(lzma.decompress(self._file("entries.json.xz")))
        return tuple(Entry(**{**row, "phrases": tuple(row["phrases"])}) for row in rows)

    def pixels(self, size_px: int) -> tuple[list[int], Pixels]:
        """The places in `entries` of the pictures of that size, and their RGBA bytes.

        Shapes: -> (N, size_px, size_px, 4)
        Raises: Damaged
        """
        places = [place for place, entry in enumerate(self.entries) if entry.size_px == size_px]
        shards = [name for name in sorted(self.facts["files"]) if name.startswith(f"pixels-{size_px}-")]
        data = b"".join(lzma.decompress(self._file(name)) for name in shards)
        return places, np.frombuffer(data, np.uint8).reshape(len(places), size_px, size_px, 4)

    @cached_property
    def words(self) -> Words:
        """Raises: Damaged"""
        tensors = load(self._file("words.safetensors"))
        phrases = tuple(tensors.pop("phrases").tobytes().decode().split("\n"))
        return Words(phrases, **tensors)

    def _file(self, name: str) -> bytes:
        try:
            data = (self.folder / name).read_bytes()
        except OSError as error:
            raise Damaged(f"the pack in '{self.folder}' lacks {name}: {error.strerror}") from error
        if sha256_bytes(data) != self.facts["files"].get(name):
            raise Damaged(f"'{self.folder / name}' was changed since the pack was made; make it anew")
        return data


def open_pack(folder: Path) -> Pack:
    """The pack in a folder.

    Raises: NotHere, BadInput, Damaged
    """
    path = folder / "pack.json"
    if not path.is_file():
        raise NotHere(f"there is no pack in '{folder}'; make one with: makar train image/icons --only-data -o FOLDER")
    try:
        facts = json.loads(path.read_bytes())
        stated = facts["root"]
    except (ValueError, KeyError, TypeError) as error:
        raise Damaged(f"'{path}' cannot be read ({error!s:.100})") from error
    if facts.get("form") != FORM:
        raise BadInput(f"'{path}' has form {facts.get('form')}; this version reads form {FORM}")
    if _root(facts) != stated:
        raise Damaged(f"'{path}' was changed since the pack was made; make it anew")
    return Pack(folder, facts)


def write_pack(folder: Path, entries: Sequence[Entry], pixels: Callable[[int], Iterable[Pixels]],
               words: Words, facts: Mapping[str, Any]) -> Pack:
    """Writes a pack; `pixels` gives the pictures of a size in the order of the entries.

    Raises: OutOfRoom
    """
    files: dict[str, str] = {}

    def put(name: str, data: bytes) -> None:
        atomic_write(folder / name, data)
        files[name] = sha256_bytes(data)

    put("entries.json.xz", lzma.compress(json.dumps(to_json(entries), ensure_ascii=False).encode()))
    for size_px in sorted({entry.size_px for entry in entries}):
        shard, number = list[Pixels](), 0
        for picture in pixels(size_px):
            shard.append(picture)
            if len(shard) == SHARD_PICTURES:
                put(f"pixels-{size_px}-{number:05}.xz", lzma.compress(np.stack(shard).tobytes()))
                shard, number = [], number + 1
        if shard:
            put(f"pixels-{size_px}-{number:05}.xz", lzma.compress(np.stack(shard).tobytes()))
    put("words.safetensors", save({"phrases": np.frombuffer("\n".join(words.phrases).encode(), np.uint8),
                                   "values": words.values, "starts": words.starts, "basis": words.basis,
                                   "mean": words.mean, "scale": words.scale}))
    whole = {"form": FORM, **facts, "files": files, "num_pictures": len(entries),
             "looks": sorted({look for entry in entries for look in (entry.style, entry.source)})}
    whole["root"] = _root(whole)
    atomic_write(folder / "pack.json", json.dumps(whole, indent=1, ensure_ascii=False))
    return Pack(folder, whole)


def _root(facts: Mapping[str, Any]) -> str:
    return sha256_bytes(canonical({key: value for key, value in facts.items() if key != "root"}).encode())
