"""CSV and TSV with a header: each row is one document."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from makar.curation.readers.fields import licence_of, missing, text_field
from makar.curation.readers.lines import lines
from makar.curation.record import Record
from makar.curation.source import Drop, ReadConfig, SourceFile, begun, sample


@dataclass(frozen=True)
class _Unreadable(Exception):
    reason: str
    rule: str
    data: bytes = b""


def read(file: SourceFile, config: ReadConfig, drop: Drop) -> Iterator[Record]:
    """One record for each row, called by its number, the header being row 0.

    What follows a place that cannot be read is dropped: without it nobody knows where a row ends.
    """
    num = 0
    try:
        with file.path.open("rb") as handle:
            # The limit of a field is the process's own; readers never run two at a time in one process.
            csv.field_size_limit(config.longest_bytes)
            delimiter = "\t" if file.path.suffix.lower() == ".tsv" else ","
            rows = csv.reader(_text_lines(handle, config), delimiter=delimiter, strict=True)
            header = next(rows, [])
            name = text_field(header, config.text_field)
            if name is None:
                drop(begun(file, sample(",".join(header).encode())), "no_text", missing(header, config.text_field))
                return
            for num, fields in enumerate(rows, 1):
                record = _record(file, dict(zip(header, fields, strict=False)), name, num, drop)
                if record is not None:
                    yield record
    except OSError as error:
        drop(begun(file, ""), "unreadable", error.strerror or type(error).__name__)
    except _Unreadable as stop:
        drop(begun(file, sample(stop.data), place=f"row={num + 1}"), stop.reason, stop.rule)
    except csv.Error as error:
        drop(begun(file, "", place=f"row={num + 1}"), "not_csv", f"from row {num + 1} on: {error}")


def _record(file: SourceFile, row: dict[str, str], name: str, num: int, drop: Drop) -> Record | None:
    place = f"row={num}"
    if name not in row:
        if row:
            drop(begun(file, sample(str(row).encode()), place=place), "no_text", f"the row has no field '{name}'")
        return None
    return begun(file, row[name], place=place, licence=licence_of(row), step="csv")


def _text_lines(handle: BinaryIO, config: ReadConfig) -> Iterator[str]:
    for line in lines(handle, limit_bytes=config.longest_bytes):
        if not line.whole:
            raise _Unreadable("too_large", f"a line of {line.num_bytes:,} bytes; a document has at most "
                                           f"{config.longest_bytes:,} (read.longest_bytes); nothing after it was read",
                              line.data)
        data = line.data.removeprefix(b"\xef\xbb\xbf") if line.start == 0 else line.data
        try:
            text = data.decode(config.fallback_encoding or "utf-8")
        except (UnicodeDecodeError, LookupError) as error:
            raise _Unreadable("encoding", f"line at byte {line.start}: {error}; nothing after it was read",
                              line.data) from error
        if "\0" in text:
            raise _Unreadable("binary", f"line at byte {line.start} holds NUL; nothing after it was read", line.data)
        yield text + "\n"
