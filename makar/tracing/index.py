"""An index on disk, memory-mapped: which documents hold a run of bytes, and where."""

from __future__ import annotations

import bisect
import json
import mmap
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from makar.kit.errors import Damaged, NotHere
from makar.kit.files import sha256_file
from makar.tracing.fold import SEPARATOR, Offsets, is_word

FORM = 2
ABOUT = "index.json"
CONTEXT_BYTES = 160
_ASCII_WORD = np.array([point < 0x80 and (chr(point).isalnum() or point == 0x5F) for point in range(256)])
_LEAST_COMPARED = 512  # bytes of a longest match that are compared at first


@dataclass(frozen=True)
class Place:
    """Where a passage stands in a document that was indexed.

    document: its id; `offset_bytes` counts in its text as UTF-8
    before, after: the words around the passage, folded
    """

    document: str
    source: str
    licence: str
    split: str
    offset_bytes: int
    before: str
    after: str


class Shard:
    """A part of an index: folded documents, and where their tokens begin in the order of what follows."""

    def __init__(self, stem: Path, first_document: int, about: Mapping[str, int]) -> None:
        self.first_document = first_document
        self.num_documents = about["num_documents"]
        self.text = _mapped(stem.with_suffix(".text"), about["num_bytes"])
        self.suffixes = memoryview(_mapped(stem.with_suffix(".suffixes"), 4 * about["num_tok"])).cast("i")
        self.order = np.frombuffer(self.suffixes, np.int32)
        self._bytes = np.frombuffer(self.text, np.uint8)
        self.begins = np.frombuffer(_mapped(stem.with_suffix(".begins"), 8 * self.num_documents), np.int64)
        self.jumps = np.frombuffer(_mapped(stem.with_suffix(".jumps"), 16 * about["num_jumps"]), np.int64)

    def find(self, run: bytes, low: int = 0, high: int | None = None) -> tuple[int, int]:
        """The suffixes that begin with `run`, as a range of `order`; an empty one where there are none."""
        text, size = self.text, len(run)
        high = len(self.suffixes) if high is None else high
        low = bisect.bisect_left(self.suffixes, run, low, high, key=lambda at: text[at:at + size])
        if low == high or text[self.suffixes[low]:self.suffixes[low] + size] != run:
            return low, low
        return low, bisect.bisect_right(self.suffixes, run, low, high, key=lambda at: text[at:at + size])

    def holds(self, run: bytes, *, is_open: bool = False) -> bool:
        """Whether `run` stands anywhere, from the beginning of a token; with `is_open` to the end of one."""
        text, size = self.text, len(run)
        low = bisect.bisect_left(self.suffixes, run, key=lambda at: text[at:at + size])
        if low == len(self.suffixes) or text[self.suffixes[low]:self.suffixes[low] + size] != run:
            return False
        return not is_open or not self._goes_on(self.suffixes[low] + size) or len(self.places(run, is_open=True)) > 0

    def places(self, run: bytes, *, is_open: bool) -> Offsets:
        """Where `run` stands, from the beginning of a token; with `is_open` only where it ends with one."""
        low, high = self.find(run)
        found = self.order[low:high].astype(np.int64)
        if not is_open or not len(found):
            return found
        following = self._bytes[found + len(run)]
        ends = ~_ASCII_WORD[following]
        for index in np.flatnonzero(following >= 0x80):
            ends[index] = not self._goes_on(int(found[index]) + len(run))
        return found[ends]

    def _goes_on(self, at: int) -> bool:
        """Whether a word goes on at byte `at`."""
        following = self.text[at]
        if following < 0x80:
            return bool(_ASCII_WORD[following])
        return is_word(self.text[at:at + 4].decode(errors="ignore")[0])

    def longest(self, run: bytes) -> int:
        """How many bytes of `run` stand somewhere, from its beginning."""
        size = _LEAST_COMPARED
        while True:
            best = self._longest(run[:size])
            if best < size or size >= len(run):
                return best
            size *= 4

    def _longest(self, run: bytes) -> int:
        text, size = self.text, len(run)
        low = bisect.bisect_left(self.suffixes, run, key=lambda at: text[at:at + size])
        near = [self.suffixes[index] for index in (low - 1, low) if 0 <= index < len(self.suffixes)]
        return max((_common(run, text[at:at + size]) for at in near), default=0)

    def document_at(self, at: int) -> int:
        """The document that holds byte `at`, counted within this shard."""
        return int(np.searchsorted(self.begins, at, "right")) - 1

    def documents(self, places: Offsets) -> Offsets:
        """The documents that hold these bytes, each once, numbered within the index."""
        return np.unique(np.searchsorted(self.begins, places, "right") - 1 + self.first_document)

    def source_offset(self, at: int) -> int:
        """Byte `at` counted in its document's own text."""
        return self._unfolded(at) - self._unfolded(int(self.begins[self.document_at(at)]))

    def _unfolded(self, at: int) -> int:
        row = int(np.searchsorted(self.jumps[::2], at, "right")) - 1
        return int(self.jumps[2 * row + 1]) + at - int(self.jumps[2 * row])

    def around(self, start: int, end: int) -> tuple[str, str]:
        """What stands before and after, within the document."""
        before = self.text[max(0, start - CONTEXT_BYTES):start].rpartition(bytes([SEPARATOR]))[2]
        after = self.text[end:end + CONTEXT_BYTES].partition(bytes([SEPARATOR]))[0]
        return before.decode(errors="ignore"), after.decode(errors="ignore")


class Index:
    """An index. `root` names exactly the corpus, or the state of a folder, that it was built from."""

    def __init__(self, path: Path, about: Mapping[str, Any]) -> None:
        self.path, self.about = path, about
        self.name, self.root, self.kind = str(about["name"]), str(about["root"]), str(about["kind"])
        self.num_documents, self.num_tok = int(about["num_documents"]), int(about["num_tok"])
        self.licences: list[str] = list(about["licences"])
        folder = path / about["generation"]
        self.shards, first = [], 0
        for number, told in enumerate(about["shards"]):
            self.shards.append(Shard(folder / f"{number}", first, told))
            first += told["num_documents"]
        self.licence_codes = np.frombuffer(_mapped(folder / "licences", 4 * first), np.int32)
        self._lines = np.frombuffer(_mapped(folder / "lines", 8 * first), np.int64)
        self._listed = _mapped(folder / "documents.jsonl", None)

    def verify(self) -> None:
        """Hashes every file of the index. Raises: Damaged (names the file)"""
        folder = self.path / self.about["generation"]
        for name, sha256 in self.about["files"].items():
            if sha256_file(folder / name) != sha256:
                raise Damaged(f"'{folder / name}' of the index was changed since it was built; "
                              "build it again with makar index")

    def document(self, number: int) -> dict[str, str]:
        """What is known of a document: id, source, licence, sha256, split."""
        start = int(self._lines[number])
        line = self._listed[start:self._listed.find(b"\n", start)]
        told: dict[str, str] = json.loads(line)
        return told

    @cached_property
    def ids(self) -> dict[str, int]:
        """The number of each document by its id."""
        return {self.document(number)["id"]: number for number in range(self.num_documents)}

    def place(self, shard: Shard, start: int, end: int) -> Place:
        """What stands at bytes [start, end) of a shard, in words for people."""
        told = self.document(shard.first_document + shard.document_at(start))
        return Place(told["id"], told["source"], told["licence"], told["split"], shard.source_offset(start),
                     *shard.around(start, end))


def open_index(path: Path) -> Index:
    """The index in the folder `path`. Its files are hashed where their sizes or times are not those of the build.

    Raises: NotHere (none there), Damaged (files missing, cut short or changed)
    """
    try:
        about = json.loads((path / ABOUT).read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotHere(f"there is no index in '{path}'; build one: makar index FOLDER -o {path}") from error
    except (OSError, ValueError) as error:
        raise Damaged(f"the index '{path}' cannot be read: {error}; build it again with makar index") from error
    form = about.get("form") if isinstance(about, dict) else None
    if form != FORM:
        raise Damaged(f"the index '{path}' has form {form}, this Makar reads {FORM}; "
                      "build it again with makar index")
    try:
        index = Index(path, about)
        if look_of(path / about["generation"]) != about["written"]:
            index.verify()
        return index
    except (KeyError, TypeError, ValueError) as error:
        raise Damaged(f"the index '{path}' does not say what it holds ({error}); "
                      "build it again with makar index") from error


def look_of(folder: Path) -> list[list[int]]:
    """The sizes and times of the files of a build, in the order of their names."""
    return [[told.st_size, told.st_mtime_ns] for path in sorted(folder.iterdir()) for told in (path.stat(),)]


def _mapped(path: Path, num_bytes: int | None) -> mmap.mmap | bytes:
    if num_bytes == 0:
        return b""  # nothing can be mapped of an empty file
    try:
        with path.open("rb") as file:
            held = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as error:
        raise Damaged(f"'{path}' of the index is missing or empty; build it again with makar index") from error
    if num_bytes is not None and len(held) != num_bytes:
        raise Damaged(f"'{path}' of the index has {len(held):,} bytes instead of {num_bytes:,}; "
                      "build it again with makar index")
    return held


def _common(one: bytes, other: bytes) -> int:
    """How many bytes two runs have in common at their beginnings."""
    size = min(len(one), len(other))
    if one[:size] == other[:size]:
        return size
    low, high = 0, size  # one[:low] agrees, one[:high] does not
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if one[low:middle] == other[low:middle] else (low, middle)
    return low
