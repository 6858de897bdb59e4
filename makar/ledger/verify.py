"""Finds anything in a ledger that is not as it was written.

Covered: every byte of every stamp and content (the hash chain and the content hashes are computed again from what is
stored); stamps changed, removed, inserted or put in another order; contents removed, or there without a stamp; the last
stamps removed, or the file replaced by an older copy (the head row, and the head file beside the database); triggers,
tables and indexes dropped, added or altered; indexes that no longer agree with the rows, pages and file header that
make no sense (SQLite's integrity check); releases without their request, artifact, verdicts and decision.

Not covered: bytes that nothing reads (the unused rest of a page, counters in the file header, a saved copy of the
column names); and someone who may write the files, knows this code and computes the whole chain anew. Only a head that
was written down elsewhere shows that: compare it with the `head` of the report.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from makar.kit.errors import LedgerBroken, MakarError
from makar.kit.files import sha256_bytes
from makar.ledger import rules
from makar.ledger.database import SCHEMA, connect, sqlite_errors
from makar.ledger.stamp import GENESIS, Report, Row
from makar.ledger.witness import read_witness

MOST_PROBLEMS = 100
_TYPES: tuple[type | tuple[type, ...], ...] = (int, str, str, str, str, str, str, (str, type(None)))


def verify(path: Path) -> Report:
    """Reads the whole ledger at `path` through a connection of its own, in one consistent snapshot.

    Raises: OutOfRoom, TimedOut (the ledger could not be read, so nothing can be said of it)
    """
    seen = read_witness(path)  # before the snapshot, so that it can only be behind it
    walk = _Walk()
    try:
        with closing(connect(path)) as db, sqlite_errors(path):
            db.execute("BEGIN")
            for problem in _all(db, walk, seen):
                walk.add(problem)
    except LedgerBroken as error:
        walk.add(str(error))
    more = walk.num_problems - len(walk.problems)
    problems = (*walk.problems, *([f"and {more:,} more"] if more else []))
    return Report(not problems, walk.num_stamps, walk.head, problems)


class _Walk:
    """What has been read so far."""

    def __init__(self) -> None:
        self.num_stamps = 0
        self.head = GENESIS
        self.held: set[str] = set()
        self.problems: list[str] = []
        self.num_problems = 0

    def add(self, problem: str) -> None:
        """Counts a problem and keeps the first of them."""
        self.num_problems += 1
        if self.num_problems <= MOST_PROBLEMS:
            self.problems.append(problem)


def _all(db: sqlite3.Connection, walk: _Walk, seen: tuple[int, str] | str | None) -> Iterator[str]:
    parts: tuple[Callable[[], Iterator[str]], ...] = (
        lambda: _schema(db), lambda: _pages(db), lambda: _stamps(db, walk), lambda: _contents(db, walk.held),
        lambda: _head(db, walk), lambda: _witnessed(db, walk, seen))
    for part in parts:
        try:
            yield from part()
        except (sqlite3.Error, ValueError, UnicodeError) as error:  # each part is tried: all that is wrong is said
            yield f"cannot be read: {error}"


def _schema(db: sqlite3.Connection) -> Iterator[str]:
    found = dict(db.execute("SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'").fetchall())
    for name in sorted(SCHEMA.keys() | found.keys()):
        if found.get(name) != SCHEMA.get(name):
            state = "is gone" if name not in found else "was added" if name not in SCHEMA else "was altered"
            yield f"the database part '{name}' {state}"


def _pages(db: sqlite3.Connection) -> Iterator[str]:
    for line, in db.execute("PRAGMA integrity_check"):
        if line != "ok":
            yield f"database pages: {' '.join(str(line).split())}"


def _stamps(db: sqlite3.Connection, walk: _Walk) -> Iterator[str]:
    def find(stamp_id: str) -> Row | None:
        found = db.execute(f"SELECT {Row.COLUMNS} FROM stamps WHERE id = ?", (stamp_id,)).fetchone()
        return Row(*found) if found else None

    before = 0
    for *columns, work in db.execute(f"SELECT {Row.COLUMNS}, work FROM stamps NOT INDEXED ORDER BY seq"):
        if not all(isinstance(value, kind) for value, kind in zip((*columns, work), _TYPES, strict=True)):
            yield f"stamp {columns[0]} holds values of another type than was written"
            continue
        row = Row(*columns)
        if row.seq != before + 1:
            yield f"stamps {before + 1} to {row.seq - 1} are missing" if row.seq > before else "stamps out of order"
        before = row.seq
        yield from _stamp(row, work, walk, find)
        walk.head, walk.num_stamps = row.id, walk.num_stamps + 1


def _stamp(row: Row, work: str | None, walk: _Walk, find: rules.Find) -> Iterator[str]:
    if row.prev != walk.head:
        yield f"stamp {row.seq} does not follow the one before it: expected {walk.head[:16]}, got {row.prev[:16]}"
    try:
        if row.hash() != row.id:
            yield f"stamp {row.seq} was changed: it hashes to {row.hash()[:16]}, its id is {row.id[:16]}"
            return
    except MakarError as error:
        yield f"stamp {row.seq} was changed: {error}"
        return
    named = json.loads(row.body).get("work")
    if work != (named if isinstance(named, str) else None):
        yield f"stamp {row.seq} was changed: it is filed under another work than it is about"
    walk.held.update(json.loads(row.contents))
    yield from rules.breaches(row, find)


def _contents(db: sqlite3.Connection, held: set[str]) -> Iterator[str]:
    missing = set(held)
    for name, data in db.execute("SELECT sha256, bytes FROM contents NOT INDEXED"):
        if not isinstance(name, str) or not isinstance(data, bytes) or sha256_bytes(data) != name:
            yield f"content {str(name)[:16]} was changed"
        elif name not in held:
            yield f"content {name[:16]} belongs to no stamp"
        missing.discard(name)
    for name in sorted(missing):
        yield f"content {name[:16]} is missing"


def _head(db: sqlite3.Connection, walk: _Walk) -> Iterator[str]:
    rows = db.execute("SELECT one, seq, id FROM head").fetchall()
    if rows != [(1, walk.num_stamps, walk.head)]:
        said = f"{rows[0][1]} stamps ending in {str(rows[0][2])[:16]}" if rows else "nothing"
        yield (f"the last stamps do not fit the head: it says {said}, there are {walk.num_stamps} ending in "
               f"{walk.head[:16]}")


def _witnessed(db: sqlite3.Connection, walk: _Walk, seen: tuple[int, str] | str | None) -> Iterator[str]:
    if isinstance(seen, str):
        yield seen
    elif seen is not None and seen[0] > walk.num_stamps:
        yield (f"the last stamps are missing: the head file has seen {seen[0]}, there are {walk.num_stamps}; an older "
               "copy may have been put in place")
    elif seen is not None and seen[0] > 0:
        found = db.execute("SELECT id FROM stamps WHERE seq = ?", (seen[0],)).fetchone()
        if found != (seen[1],):
            yield f"stamp {seen[0]} is not the one the head file has seen; the chain may have been made anew"
