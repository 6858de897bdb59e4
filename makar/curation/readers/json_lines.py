"""JSON lines: each line is one document, an object with a text field or a bare string."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from makar.curation.readers.fields import licence_of, missing, text_field
from makar.curation.readers.lines import Line, lines
from makar.curation.record import UNKNOWN, Record
from makar.curation.source import Drop, ReadConfig, SourceFile, begun, decoded, sample


def read(file: SourceFile, config: ReadConfig, drop: Drop) -> Iterator[Record]:
    """One record for each line; a record is called by the byte that its line begins at."""
    try:
        with file.path.open("rb") as handle:
            for line in lines(handle, limit_bytes=config.longest_bytes, start=file.start, end=file.end):
                record = _record(file, line, config, drop)
                if record is not None:
                    yield record
    except OSError as error:
        drop(begun(file, ""), "unreadable", error.strerror or type(error).__name__)


def _record(file: SourceFile, line: Line, config: ReadConfig, drop: Drop) -> Record | None:
    place = f"byte={line.start}"
    if not line.whole:
        drop(begun(file, sample(line.data), place=place), "too_large",
             f"a line of {line.num_bytes:,} bytes; a document has at most {config.longest_bytes:,} "
             "(read.longest_bytes)")
        return None
    if not line.data.strip():
        return None

    def drop_here(record: Record, reason: str, rule: str) -> None:
        drop(begun(file, record.content, place=place), reason, rule)

    text = decoded(file, line.data, config, drop_here)
    if text is None:
        return None
    try:
        row: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        drop(begun(file, sample(line.data), place=place), "not_json", f"no JSON: {error}"[:200])
        return None
    content, licence, rule = _parts(row, config)
    if content is None:
        drop(begun(file, sample(line.data), place=place), "no_text", rule)
        return None
    return begun(file, content, place=place, licence=licence, step="jsonl")


def _parts(row: Any, config: ReadConfig) -> tuple[str | None, str, str]:
    """(text, licence, what is wrong)"""
    if isinstance(row, str) and not config.text_field:
        return row, UNKNOWN, ""
    if not isinstance(row, dict):
        return None, UNKNOWN, f"expected an object with a text, got {type(row).__name__}"
    name = text_field(row, config.text_field)
    if name is None:
        return None, UNKNOWN, missing(row, config.text_field)
    if not isinstance(row[name], str):
        return None, UNKNOWN, f"field '{name}': expected a string, got {type(row[name]).__name__}"
    return row[name], licence_of(row), ""
