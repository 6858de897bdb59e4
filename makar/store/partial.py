"""A file on its way: the bytes gathered so far, kept between runs, hashed as they come, never more than promised."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType

from makar.kit.errors import Damaged
from makar.kit.files import CHUNK_BYTES, disk_errors


class Partial:
    """The growing file at `path`. What an earlier run left there is read and hashed when it is opened.

    `on_bytes` hears of every byte gained, and of bytes lost as a negative number.
    """

    def __init__(self, path: Path, size_bytes: int, on_bytes: Callable[[float], None]) -> None:
        self.path, self.size_bytes, self.on_bytes = path, size_bytes, on_bytes
        self.have_bytes = 0
        self._foreseen_bytes = 0.0
        self._digest = hashlib.sha256()
        with disk_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("a+b", buffering=0)  # what is written is there, also after kill -9
        try:
            self.cut(min(path.stat().st_size, size_bytes))
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Partial:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._file.close()

    @property
    def missing_bytes(self) -> int:
        """How much is still to come."""
        return self.size_bytes - self.have_bytes

    @property
    def sha256(self) -> str:
        """Hex hash of what is there."""
        return self._digest.hexdigest()

    def write(self, chunk: bytes) -> None:
        """Appends.

        Raises: Damaged (more than the file has), OutOfRoom
        """
        if len(chunk) > self.missing_bytes:
            raise Damaged(f"more than the {self.size_bytes:,} bytes of the file were sent")
        with disk_errors(self.path):
            left = memoryview(chunk)
            while left:
                left = left[self._file.write(left) or 0:]
        self._digest.update(chunk)
        self._move(len(chunk))

    def cut(self, num_bytes: int) -> None:
        """Keeps only the first `num_bytes`, and hashes them anew."""
        with disk_errors(self.path):
            self._file.truncate(num_bytes)
        self._digest = hashlib.sha256()
        for chunk in self._chunks(0, num_bytes):
            self._digest.update(chunk)
        self._move(num_bytes - self.have_bytes)

    def sha256_of(self, start_bytes: int, num_bytes: int) -> str:
        """Hex hash of a stretch that is already there."""
        digest = hashlib.sha256()
        for chunk in self._chunks(start_bytes, num_bytes):
            digest.update(chunk)
        return digest.hexdigest()

    def foresee(self, num_bytes: float) -> None:
        """Shows bytes as gained that a client already holds; they are not shown again when they arrive here."""
        self.on_bytes(num_bytes - self._foreseen_bytes)
        self._foreseen_bytes = num_bytes

    def flush(self) -> None:
        """Everything written reaches the disk."""
        with disk_errors(self.path):
            os.fsync(self._file.fileno())

    def _chunks(self, start_bytes: int, num_bytes: int) -> Iterator[bytes]:
        self._file.seek(start_bytes)
        while num_bytes and (chunk := self._file.read(min(CHUNK_BYTES, num_bytes))):
            num_bytes -= len(chunk)
            yield chunk

    def _move(self, num_bytes: int) -> None:
        shown_bytes = min(self._foreseen_bytes, max(0, num_bytes))
        self._foreseen_bytes -= shown_bytes
        self.have_bytes += num_bytes
        self.on_bytes(num_bytes - shown_bytes)
