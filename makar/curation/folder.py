"""A folder as it lies there: its files, and the one name that changes with any byte of them. Indexes and runs call the
same folder by the same name.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from makar.kit.errors import BadInput, NotHere
from makar.kit.files import sha256_bytes

MOST_FILE_BYTES = 256 << 20
HEAD_BYTES = 8192


def folder_root(folder: Path, without: frozenset[str] = frozenset()) -> str:
    """A hash that changes when a file is added, removed or changed. Reads every byte.

    without: names of files that are not counted
    Raises: NotHere, BadInput
    """
    named = ((name_in(folder, path), path) for path in files_in(folder))
    return root_of((name, told_of(path)) for name, path in named if name not in without)


def told_of(path: Path) -> str:
    """The hash of a file, or why it is not read."""
    data, why = read_bytes(path)
    return why or sha256_bytes(data)


def root_of(files: Iterable[tuple[str, str]]) -> str:
    """The hash of names and of what is told of each file, in this order."""
    lines = hashlib.sha256()
    for name, told in files:
        lines.update(f"{name}\0{told}\n".encode(errors="surrogateescape"))
    return lines.hexdigest()


def name_in(folder: Path, path: Path) -> str:
    """What a file of a folder is called; a file named for itself is called by its own name."""
    return path.name if path == folder else path.relative_to(folder).as_posix()


def files_in(folder: Path) -> Iterator[Path]:
    """Regular files below `folder`, sorted; a single file is itself.

    Raises: NotHere, BadInput
    """
    if folder.is_file():
        yield folder
        return
    if not folder.exists():
        raise NotHere(f"there is no file or folder '{folder}'")
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise BadInput(f"cannot read '{folder}': {error.strerror}") from error
    for entry in entries:
        if entry.name.startswith(".") or entry.is_symlink():
            continue
        if entry.is_dir():
            yield from files_in(Path(entry.path))
        elif entry.is_file():
            yield Path(entry.path)


def read_bytes(path: Path) -> tuple[bytes, str]:
    """The bytes, and why the file is left out (then without its bytes)."""
    try:
        if path.stat().st_size > MOST_FILE_BYTES:
            return b"", "too large"
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
            if b"\0" in head:
                return b"", "binary"
            data = head + file.read()
    except OSError:
        return b"", "unreadable"
    return (data, "") if data.strip() else (b"", "empty")
