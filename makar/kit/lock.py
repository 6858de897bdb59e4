"""One process at a time: a file lock that the system releases when its holder ends, however it ends."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from makar.kit.errors import BadInput
from makar.kit.files import disk_errors

if sys.platform == "win32":
    import msvcrt

    def _try_lock(file: BinaryIO) -> bool:
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
else:
    import fcntl

    def _try_lock(file: BinaryIO) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


@contextmanager
def held(path: Path, on_wait: Callable[[], None]) -> Iterator[None]:
    """Holds the lock at `path`; `on_wait` is called once if another process has it, and may refuse to wait by raising.
    The file stays (removing it races).

    Raises: BadInput (the folder cannot be written), what `on_wait` raises
    """
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a+b")
    with file:
        if not _try_lock(file):
            on_wait()
            while not _try_lock(file):
                time.sleep(0.1)
        yield


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Holds a folder that only one process may work in.

    Raises: BadInput (another one does, the folder cannot be written)
    """
    def refuse() -> None:
        raise BadInput(f"another run is at work in '{folder}'; wait for it to end")

    with held(folder / "lock", refuse):
        yield
