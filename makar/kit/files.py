"""Files that are whole or absent: atomic writes, hashes, bounded reads."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from makar.kit.errors import BadInput, NotHere, OutOfRoom

CHUNK_BYTES = 1 << 20


def sha256_bytes(data: bytes) -> str:
    """Lower-case hex SHA-256."""
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: Path, *, on_bytes: Callable[[int], None] | None = None) -> str:
    """Lower-case hex SHA-256 of a file, read in chunks; `on_bytes` is told of each chunk's size for progress."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
            if on_bytes is not None:
                on_bytes(len(chunk))
    return digest.hexdigest()


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turns the system's refusals to write `path` into one clear line.

    Raises: OutOfRoom, BadInput
    """
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise OutOfRoom(f"the disk is full: '{path}' was not written and what was there is unchanged; "
                            "free some space and run the same command again") from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.EEXIST,
                           errno.ENAMETOOLONG, errno.ENOENT):
            raise BadInput(f"cannot write '{path}': {error.strerror}") from error
        raise


@contextmanager
def atomic_writer(path: Path, *, mode: int = 0o644) -> Iterator[BinaryIO]:
    """A binary file that appears at `path` complete and flushed to disk when the block ends, or not at all.

    Raises: OutOfRoom, BadInput
    """
    with disk_errors(path):
        if path.exists() and not path.is_file() and not path.is_dir():  # a device or a pipe must not be replaced
            with path.open("wb") as device:
                yield device
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:80]}.", suffix=".part")
        part = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            part.chmod(mode)
            part.replace(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise


def atomic_write(path: Path, data: bytes | str, *, mode: int = 0o644) -> None:
    """Writes the whole of `data` at `path`, or leaves what was there. Text is UTF-8.

    Raises: OutOfRoom, BadInput
    """
    with atomic_writer(path, mode=mode) as file:
        file.write(data.encode() if isinstance(data, str) else data)


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """A folder to fill, which stands at `folder` once the block has ended well, or not at all; an older one there makes
    way at that moment.

    Raises: OutOfRoom, BadInput
    """
    with disk_errors(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name[:80]}.", suffix=".part"))
    try:
        yield part
        with disk_errors(folder):
            part.chmod(0o755)
            _put_in_place(part, folder)
            _flush(folder.parent)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _put_in_place(part: Path, folder: Path) -> None:
    if not folder.exists():
        part.rename(folder)
        return
    old = part.with_suffix(".old")
    folder.rename(old)
    part.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def _flush(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read_text(path: Path, *, limit_bytes: int = 10_000_000) -> str:
    """A UTF-8 text file of bounded size, newlines as they are.

    Raises: NotHere, BadInput (a folder, not UTF-8, too large)
    """
    try:
        size = path.stat().st_size
        if size > limit_bytes:
            raise BadInput(f"'{path}' has {size:,} bytes; the limit here is {limit_bytes:,}")
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError as error:
        raise NotHere(f"there is no file '{path}'") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"'{path}' is not UTF-8 text (byte {error.start} is {error.object[error.start]:#04x}); "
                       "convert it or name another file") from error
    except OSError as error:
        raise BadInput(f"cannot read '{path}': {error.strerror}") from error
