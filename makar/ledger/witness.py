"""A small file beside the ledger that remembers how far the chain had come.

It notices what the database alone cannot: an older copy put in place, or a lost write-ahead log. It is written after
each commit, so it may lag behind the chain (a kill in between) but never runs ahead of it.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from makar.kit.files import disk_errors


def witness_path(ledger: Path) -> Path:
    """Where the witness of the ledger at that path lies."""
    return ledger.with_name(f"{ledger.name}-seen")


class Witness:
    """The witness of the ledger at `ledger`, to be written."""

    def __init__(self, ledger: Path) -> None:
        self._path = witness_path(ledger)
        self._handle = -1

    def note(self, seq: int, stamp_id: str) -> None:
        """Remembers the head: one write of always the same length, so that it is never half old and half new.

        Raises: BadInput, OutOfRoom
        """
        with disk_errors(self._path):
            if self._handle < 0:
                self._handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
            os.pwrite(self._handle, f"{seq:020d} {stamp_id}\n".encode(), 0)

    def close(self) -> None:
        """Ends the use; more than once does no harm."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


def read_witness(ledger: Path) -> tuple[int, str] | str | None:
    """The head that was seen, a line saying what is wrong with the file, or None where nothing was noted."""
    path = witness_path(ledger)
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        return f"the head file '{path.name}' cannot be read: {error.strerror}"
    if not data:
        return None
    found = re.fullmatch(rb"([0-9]{20}) ([0-9a-f]{64})\n", data)
    if found is None:
        return f"the head file '{path.name}' is damaged"
    return int(found[1]), found[2].decode()
