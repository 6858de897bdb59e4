"""Parquet: each row is one document; only the columns that are needed are read, a batch at a time."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from makar.curation.readers.fields import LICENCE_FIELDS, licence_of, missing, text_field
from makar.curation.record import Record
from makar.curation.source import Drop, ReadConfig, SourceFile, begun
from makar.kit.errors import NotHere

BATCH_ROWS = 1_000


def library() -> Any:
    """pyarrow's reader of Parquet. Raises: NotHere"""
    try:
        return importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise NotHere("reading Parquet needs pyarrow, which is not installed: pip install 'makar[data]'") from error


def num_row_groups(path: Path) -> int:
    """How many row groups a file has; 0 where that cannot be told. Raises: NotHere"""
    parquet = library()
    try:
        return int(parquet.read_metadata(path).num_row_groups)
    except (importlib.import_module("pyarrow").ArrowException, OSError):
        return 0


def read(file: SourceFile, config: ReadConfig, drop: Drop) -> Iterator[Record]:
    """One record for each row of the row groups from `file.start` to `file.end`, called by its number.

    Raises: NotHere
    """
    parquet = library()
    arrow = importlib.import_module("pyarrow")
    try:
        with parquet.ParquetFile(file.path) as table:
            wrong = _wrong(table.schema_arrow, config, arrow)
            if wrong:
                if file.start == 0:
                    drop(begun(file, str(table.schema_arrow)[:2_000]), "no_text", wrong)
                return
            yield from _rows(file, table, config, drop)
    except (arrow.ArrowException, OSError) as error:
        drop(begun(file, ""), "not_parquet", f"{error}".splitlines()[0][:200])


def _wrong(schema: Any, config: ReadConfig, arrow: Any) -> str:
    name = text_field(schema.names, config.text_field)
    if name is None:
        return missing(schema.names, config.text_field)
    kind = schema.field(name).type
    if arrow.types.is_string(kind) or arrow.types.is_large_string(kind) or arrow.types.is_string_view(kind):
        return ""
    return f"column '{name}': expected string, got {kind}; choose another: --set read.text_field=NAME"


def _rows(file: SourceFile, table: Any, config: ReadConfig, drop: Drop) -> Iterator[Record]:
    names = table.schema_arrow.names
    text = text_field(names, config.text_field) or ""
    groups = range(file.start, table.num_row_groups if file.end is None else file.end)
    num = sum(table.metadata.row_group(group).num_rows for group in range(file.start))
    wanted = [text, *(name for name in LICENCE_FIELDS if name in names)]
    for batch in table.iter_batches(BATCH_ROWS, row_groups=list(groups), columns=wanted):
        for row in batch.to_pylist():
            record = _record(file, row, text, num, config, drop)
            num += 1
            if record is not None:
                yield record


def _record(file: SourceFile, row: Mapping[str, Any], name: str, num: int, config: ReadConfig,
            drop: Drop) -> Record | None:
    place, content = f"row={num}", row[name]
    if content is None:
        drop(begun(file, "", place=place), "no_text", f"column '{name}' is null")
        return None
    if len(content) > config.longest_bytes:
        drop(begun(file, content[:2_000], place=place), "too_large",
             f"{len(content):,} characters; a document has at most {config.longest_bytes:,} bytes (read.longest_bytes)")
        return None
    return begun(file, content, place=place, licence=licence_of(row), step="parquet")
