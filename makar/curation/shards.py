"""Shards: one compressed frame per document, a table that finds it, and the hashes that prove it.

A shard NAME is three files. `NAME.frames` holds one zlib stream per document, each of its canonical JSON. `NAME.table`
says where each begins. `NAME.leaves` is one SHA-256 per document; their hash is the shard's root. All are
memory-mapped, so that a corpus of any size opens at once and a document is read without its neighbours.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from makar.kit.errors import Damaged
from makar.kit.files import disk_errors, sha256_bytes, sha256_file

ROW = np.dtype([("offset", "<u8"), ("frame_bytes", "<u4"), ("raw_bytes", "<u4"), ("num_chars", "<u4"), ("id", "<u8"),
                ("split", "u1")])
LEAF_BYTES = 32
COMPRESSION_LEVEL = 6
Table = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Frame:
    """A document in its shard: the compressed bytes, and what the table says of them."""

    data: bytes
    raw_bytes: int
    num_chars: int
    id: str
    leaf: bytes
    split: int = 0


@dataclass(frozen=True)
class ShardProof:
    """What a manifest knows of a shard. `root` does not depend on how the frames were compressed."""

    name: str
    num_records: int
    num_bytes: int
    root: str
    frames_sha256: str
    table_sha256: str


def leaf_of(raw: bytes) -> bytes:
    """The hash of a document's canonical JSON.

    Source: RFC 6962, section 2.1 (0x00 before a leaf, 0x01 before a node)
    """
    return hashlib.sha256(b"\0" + raw).digest()


def root_of(leaves: bytes) -> str:
    """The hash of all leaves, or of all roots, below a node. Source: RFC 6962, section 2.1, with many children"""
    return sha256_bytes(b"\1" + leaves)


def compress(raw: bytes, id: str, *, num_chars: int, split: int = 0) -> Frame:
    """The frame of a document's canonical JSON."""
    return Frame(zlib.compress(raw, COMPRESSION_LEVEL), len(raw), num_chars, id, leaf_of(raw), split)


class ShardWriter:
    """Writes one shard in `folder`; the table stays in memory (29 bytes for each document) until `close`."""

    def __init__(self, folder: Path, name: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.name = folder, name
        self.raw_bytes = 0
        self._rows: list[tuple[int, int, int, int, int, int]] = []
        self._leaves = hashlib.sha256(b"\1")
        self._hash = hashlib.sha256()
        self._offset = 0
        with disk_errors(folder):
            self._frames: BinaryIO = (folder / f"{name}.frames").open("wb")
            self._leaf_file: BinaryIO = (folder / f"{name}.leaves").open("wb")

    def add(self, frame: Frame) -> None:
        """Raises: OutOfRoom"""
        with disk_errors(self.folder):
            self._frames.write(frame.data)
            self._leaf_file.write(frame.leaf)
        self._hash.update(frame.data)
        self._leaves.update(frame.leaf)
        self._rows.append((self._offset, len(frame.data), frame.raw_bytes, frame.num_chars, int(frame.id[:16], 16),
                           frame.split))
        self._offset += len(frame.data)
        self.raw_bytes += frame.raw_bytes

    def close(self) -> ShardProof:
        """Raises: OutOfRoom"""
        table = np.array(self._rows, dtype=ROW).tobytes()
        with disk_errors(self.folder):
            self._frames.close()
            self._leaf_file.close()
            (self.folder / f"{self.name}.table").write_bytes(table)
        return ShardProof(self.name, len(self._rows), self._offset, self._leaves.hexdigest(), self._hash.hexdigest(),
                          sha256_bytes(table))


class Shard:
    """Reads one shard."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name = folder, name
        self.table = _mapped(folder / f"{name}.table", ROW)
        self._leaves = _mapped(folder / f"{name}.leaves", np.dtype("u1"))
        self._frames = _mapped(folder / f"{name}.frames", np.dtype("u1"))
        if len(self._leaves) != len(self.table) * LEAF_BYTES:
            raise Damaged(f"'{folder / name}.leaves' has {len(self._leaves):,} bytes, expected "
                          f"{len(self.table) * LEAF_BYTES:,}: the corpus is damaged; make it again")

    def __len__(self) -> int:
        return len(self.table)

    def leaf(self, index: int) -> bytes:
        """The hash of the document at `index`."""
        return self._leaves[index * LEAF_BYTES:(index + 1) * LEAF_BYTES].tobytes()

    def raw(self, index: int) -> bytes:
        """The canonical JSON of the document at `index`, checked against its hash.

        Raises: Damaged
        """
        row = self.table[index]
        start = int(row["offset"])
        inflate = zlib.decompressobj()
        try:
            raw = inflate.decompress(self._frames[start:start + int(row["frame_bytes"])].tobytes(),
                                     int(row["raw_bytes"]) + 1)
        except zlib.error as error:
            raise Damaged(f"{self._where(index)} does not unpack ({error}); make the corpus again") from error
        if leaf_of(raw) != self.leaf(index):
            raise Damaged(f"{self._where(index)} has another hash than when it was written; make the corpus again")
        return raw

    def raws(self) -> Iterator[bytes]:
        """Every document's canonical JSON, in order. Raises: Damaged"""
        for index in range(len(self)):
            yield self.raw(index)

    def frame(self, index: int) -> Frame:
        """The document at `index` as it lies, to be copied into another shard."""
        row = self.table[index]
        start = int(row["offset"])
        return Frame(self._frames[start:start + int(row["frame_bytes"])].tobytes(), int(row["raw_bytes"]),
                     int(row["num_chars"]), f"{int(row['id']):016x}", self.leaf(index), int(row["split"]))

    def check(self, proof: ShardProof) -> None:
        """Whether the three files are the ones that were written.

        Raises: Damaged
        """
        if root_of(self._leaves.tobytes()) != proof.root:
            raise Damaged(f"'{self.folder / self.name}.leaves' does not hash to the shard's root; "
                          "make the corpus again")
        for suffix, expected in ((".table", proof.table_sha256), (".frames", proof.frames_sha256)):
            path = self.folder / f"{self.name}{suffix}"
            found = sha256_file(path)
            if found != expected:
                raise Damaged(f"'{path}' was changed: its SHA-256 is {found[:12]}..., expected {expected[:12]}...; "
                              "make the corpus again")

    def _where(self, index: int) -> str:
        return f"document {index} of '{self.folder / self.name}.frames'"


def _mapped(path: Path, dtype: np.dtype[Any]) -> Table:
    try:
        size = path.stat().st_size
        if size == 0:
            return np.zeros(0, dtype)
        if size % dtype.itemsize:
            raise Damaged(f"'{path}' was cut short: {size:,} bytes are no whole number of rows of {dtype.itemsize}")
        return np.memmap(path, dtype, mode="r")
    except OSError as error:
        raise Damaged(f"'{path}' of the corpus cannot be read: {error.strerror}; make the corpus again") from error


class Series:
    """Documents written one after another into as many shards as they need: `00000`, `00001`, ..."""

    def __init__(self, folder: Path, shard_bytes: int) -> None:
        self.folder, self.shard_bytes = folder, shard_bytes
        self.proofs: list[ShardProof] = []
        self._open: ShardWriter | None = None

    def add(self, frame: Frame) -> None:
        """Adds a document; a shard ends when its documents reach `shard_bytes` before compression."""
        if self._open is None:
            self._open = ShardWriter(self.folder, f"{len(self.proofs):05d}")
        self._open.add(frame)
        if self._open.raw_bytes >= self.shard_bytes:
            self.close()

    def close(self) -> None:
        """Ends the open shard."""
        if self._open is not None:
            self.proofs.append(self._open.close())
            self._open = None

    def root(self) -> str:
        """The node above the shards' roots."""
        return root_of(b"".join(bytes.fromhex(proof.root) for proof in self.proofs))
