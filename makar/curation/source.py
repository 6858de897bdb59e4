"""A file to read, what may be read of it, and the one way to say that something was not kept."""

from __future__ import annotations

import codecs
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from makar.curation.record import UNKNOWN, Record, id_of
from makar.kit.files import sha256_bytes

Drop = Callable[[Record, str, str], None]
"""drop(record, reason, rule): the record goes no further; both words are kept with it."""

SAMPLE_BYTES = 2_000  # what is kept of a thing that was not read whole
_WIDE_MARKS = ((codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
               (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


@dataclass(frozen=True)
class ReadConfig:
    """What is read. `text_field`: the column or key that holds the text of a table or of JSON lines; where it is not
    named, the first of `text`, `content`, `body`, `document`, `article`, `story`.

    fallback_encoding: how to read what is no UTF-8; empty: it is dropped
    """

    longest_bytes: int = 32_000_000
    text_field: str = ""
    fallback_encoding: str = ""


@dataclass(frozen=True)
class SourceFile:
    """A file, or the part of it from byte (or row group) `start` to `end`; `name` is how records call it.

    root: the folder of the source, above which no licence is looked for
    """

    path: Path
    name: str
    root: Path
    kind: str = "prose"
    language: str = ""
    start: int = 0
    end: int | None = None


def begun(file: SourceFile, content: str, *, place: str = "", licence: str = UNKNOWN, step: str = "") -> Record:
    """A record as it comes from a reader: nothing was done to it yet."""
    source = f"{file.name}#{place}" if place else file.name
    content = content.encode("utf-8", "replace").decode() if not _is_unicode(content) else content
    return Record(id_of(source, content), content, source, licence, sha256_bytes(content.encode()),
                  (f"read:{step}",) if step else (), language=file.language, kind=file.kind)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def sample(data: bytes) -> str:
    """The beginning of what could not be read, as text."""
    return data[:SAMPLE_BYTES].decode("utf-8", "replace").replace("\0", "\ufffd")


def read_file(file: SourceFile, config: ReadConfig, drop: Drop) -> str | None:
    """The whole file as text, or None when it was dropped."""
    try:
        if not stat.S_ISREG(file.path.stat().st_mode):
            drop(begun(file, ""), "unreadable", "a pipe, a device or a socket, not a file")
            return None
        with file.path.open("rb") as handle:
            size = os.fstat(handle.fileno()).st_size
            if size > config.longest_bytes:
                drop(begun(file, sample(handle.read(SAMPLE_BYTES))), "too_large",
                     f"{size:,} bytes; a document has at most {config.longest_bytes:,} (read.longest_bytes)")
                return None
            data = handle.read(config.longest_bytes + 1)
    except OSError as error:
        drop(begun(file, ""), "unreadable", error.strerror or type(error).__name__)
        return None
    return decoded(file, data, config, drop)


def decoded(file: SourceFile, data: bytes, config: ReadConfig, drop: Drop) -> str | None:
    """Bytes as text, or None when they were dropped: UTF-8, and UTF-16 or UTF-32 that begin with their mark."""
    wide = next((name for mark, name in _WIDE_MARKS if data.startswith(mark)), None)
    try:
        text: str | None = data.decode(wide or "utf-8-sig")
    except UnicodeDecodeError as error:
        text = _fallen_back(data, config.fallback_encoding)
        if text is None:
            drop(begun(file, sample(data)), "encoding", f"byte {error.start} is no {wide or 'utf-8'}: {error.reason}")
            return None
    if text is not None and "\0" in text:
        drop(begun(file, sample(data)), "binary", f"character {text.index(chr(0))} is NUL: this is no text")
        return None
    return text


def _fallen_back(data: bytes, encoding: str) -> str | None:
    if not encoding:
        return None
    try:
        return data.decode(encoding)
    except (UnicodeDecodeError, LookupError):
        return None
