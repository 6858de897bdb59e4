"""Lines of a file of any length, in bounded memory: a line that is too long is passed over, not read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from makar.curation.source import SAMPLE_BYTES
from makar.kit.files import CHUNK_BYTES


@dataclass(frozen=True)
class Line:
    """A line without its end, and the byte that it begins at; `num_bytes` is its true length.

    data: the whole line, or its beginning when it is longer than the limit (`whole` is False)
    """

    data: bytes
    start: int
    num_bytes: int
    whole: bool


def lines(handle: BinaryIO, *, limit_bytes: int, start: int = 0, end: int | None = None) -> Iterator[Line]:
    """The lines that begin at byte `start` or later and before byte `end`."""
    position = start
    if start:
        handle.seek(start - 1)
        if handle.read(1) != b"\n":
            position += _skip(handle)
    while end is None or position < end:
        data = handle.readline(limit_bytes + 1)
        if not data:
            return
        begun_at = position
        position += len(data)
        if len(data) > limit_bytes and not data.endswith(b"\n"):
            position += _skip(handle)
            yield Line(data[:SAMPLE_BYTES], begun_at, position - begun_at, whole=False)
        else:
            yield Line(data.rstrip(b"\r\n"), begun_at, len(data), whole=True)


def _skip(handle: BinaryIO) -> int:
    """Reads to the end of the line; returns how many bytes that were."""
    skipped = 0
    while True:
        data = handle.readline(CHUNK_BYTES)
        skipped += len(data)
        if not data or data.endswith(b"\n"):
            return skipped
