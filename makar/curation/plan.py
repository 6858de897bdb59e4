"""What there is to read, cut into tasks: the same sources give the same tasks in the same order on every machine.

A task is a run of small files, or a part of a large one, of about TASK_BYTES. The plan is a file of its own, one task a
line, so that millions of files are never in memory at once.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from makar.curation.readers import described
from makar.curation.source import SourceFile
from makar.kit.errors import BadInput, NotHere

TASK_BYTES = 16_000_000
TASK_FILES = 2_000
SKIPPED_FOLDERS = frozenset((".git", ".hg", ".svn", "__pycache__", "node_modules", ".tox", ".venv"))
_DIVIDED = (".jsonl", ".ndjson")


@dataclass(frozen=True)
class Entry:
    """A file of a task. `source` is the number of the source, `path` where in it; [start, end) in bytes, or row groups.

    changed_ns: when it was last written, so that a run that goes on sees that a source changed meanwhile
    """

    source: int
    path: str
    num_bytes: int
    changed_ns: int
    start: int = 0
    end: int | None = None


@dataclass(frozen=True)
class Source:
    """A file or folder to read. `label` is how records call it, wherever it lies."""

    path: Path
    label: str

    def file(self, entry: Entry) -> SourceFile:
        """The file of an entry of this source."""
        path = self.path / entry.path if entry.path else self.path
        name = f"{self.label}/{entry.path}" if entry.path else self.label
        root = self.path if entry.path else self.path.parent
        return replace(described(path, name, root), start=entry.start, end=entry.end)


def sources_of(paths: Sequence[str | Path]) -> tuple[Source, ...]:
    """The sources, each with a label of its own.

    Raises: NotHere, BadInput
    """
    if not paths:
        raise BadInput("name at least one source: a file or a folder")
    found: list[Source] = []
    labels: set[str] = set()
    for given in paths:
        path = Path(given)
        try:
            path = path.resolve(strict=True)
        except FileNotFoundError as error:
            raise NotHere(f"there is no file or folder '{given}'") from error
        except (OSError, RuntimeError) as error:  # a symbolic link to itself
            raise BadInput(f"cannot read '{given}': {error}") from error
        label, number = path.name or "source", 1
        while label in labels:
            number += 1
            label = f"{path.name}~{number}"
        labels.add(label)
        found.append(Source(path, label))
    return tuple(found)


def tasks(sources: Sequence[Source], *, leave_out: Sequence[Path] = ()) -> Iterator[list[Entry]]:
    """Every file of every source in tasks. `leave_out`: folders that are not read, such as the one written to."""
    task: list[Entry] = []
    num_bytes = 0
    for number, source in enumerate(sources):
        for whole in _entries(number, source, frozenset(leave_out)):
            for entry in _divided(whole, source):
                task.append(entry)
                num_bytes += _part_bytes(entry)
                if num_bytes >= TASK_BYTES or len(task) >= TASK_FILES:
                    yield task
                    task, num_bytes = [], 0
    if task:
        yield task


def _part_bytes(entry: Entry) -> int:
    return entry.num_bytes if entry.end is None else TASK_BYTES


def _entries(number: int, source: Source, leave_out: frozenset[Path]) -> Iterator[Entry]:
    if not source.path.is_dir():
        state = source.path.stat()
        yield Entry(number, "", state.st_size, state.st_mtime_ns)
        return
    for path in _walk(source.path, leave_out):
        try:
            state = path.lstat()
        except OSError:  # gone since the folder was listed; the reader says so
            yield Entry(number, _relative(path, source.path), 0, 0)
            continue
        yield Entry(number, _relative(path, source.path), state.st_size, state.st_mtime_ns)


def _relative(path: Path, root: Path) -> str:
    return str(path.relative_to(root))


def _walk(folder: Path, leave_out: frozenset[Path]) -> Iterator[Path]:
    """Files below a folder in the order of their names; links to folders are not entered, so there are no loops."""
    pending = [folder]
    while pending:
        path = pending.pop()
        if path.is_symlink() or not path.is_dir():
            yield path
            continue
        try:
            names = sorted(os.listdir(path), key=os.fsencode, reverse=True)
        except OSError:
            yield path  # whoever reads a folder that cannot be listed drops it with the system's reason
            continue
        inside = [path / name for name in names]
        pending += [item for item in inside if item not in leave_out
                    and not (item.name in SKIPPED_FOLDERS and item.is_dir())]


def _divided(entry: Entry, source: Source) -> Iterator[Entry]:
    """Large files of lines and tables in parts; every other file as a whole."""
    path = source.path / entry.path if entry.path else source.path
    suffix = path.suffix.lower()
    if entry.num_bytes < 2 * TASK_BYTES or path.is_symlink() or suffix not in (*_DIVIDED, ".parquet"):
        yield entry
    elif suffix == ".parquet":
        yield from _row_groups(entry, path)
    else:
        for start in range(0, entry.num_bytes, TASK_BYTES):
            yield replace(entry, start=start, end=min(start + TASK_BYTES, entry.num_bytes))


def _row_groups(entry: Entry, path: Path) -> Iterator[Entry]:
    from makar.curation.readers.parquet import num_row_groups

    groups = num_row_groups(path)
    if groups < 2:
        yield entry
    else:
        for start in range(groups):
            yield replace(entry, start=start, end=start + 1)


def as_line(task: Sequence[Entry]) -> str:
    """A task as one line of the plan."""
    return json.dumps([[one.source, one.path, one.num_bytes, one.changed_ns, one.start, one.end] for one in task])


def of_line(line: str) -> list[Entry]:
    """A task from its line."""
    return [Entry(*fields) for fields in json.loads(line)]
