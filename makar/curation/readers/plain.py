"""Text, Markdown and source code: the file is the document."""

from __future__ import annotations

from collections.abc import Iterator

from makar.curation.record import Record
from makar.curation.source import Drop, ReadConfig, SourceFile, begun, read_file


def read(file: SourceFile, config: ReadConfig, drop: Drop) -> Iterator[Record]:
    """The file as one record."""
    text = read_file(file, config, drop)
    if text is not None:
        yield begun(file, text, step="plain")
