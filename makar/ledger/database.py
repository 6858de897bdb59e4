"""The SQLite file under the ledger: its tables, how it is opened, and what its errors mean to a user."""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from makar.kit.errors import LedgerBroken, MakarError, OutOfRoom, TimedOut
from makar.kit.files import disk_errors

APPLICATION_ID = 0x4D414B52  # "MAKR"
VERSION = 1
BUSY_S = 60.0
LEAST_BYTES = 1 << 16  # the shared index of readers and writers takes half of this at once

_UNWRITABLE = ("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM", "SQLITE_AUTH", "SQLITE_IOERR")

_STAMPS = """CREATE TABLE stamps (
  seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, at TEXT NOT NULL, body TEXT NOT NULL,
  contents TEXT NOT NULL, prev TEXT NOT NULL, work TEXT)"""
_CONTENTS = "CREATE TABLE contents (sha256 TEXT PRIMARY KEY NOT NULL, bytes BLOB NOT NULL)"
_HEAD = "CREATE TABLE head (one INTEGER PRIMARY KEY CHECK (one = 1), seq INTEGER NOT NULL, id TEXT NOT NULL)"


def _refuse(name: str, event: str, when: str = "") -> str:
    return (f"CREATE TRIGGER {name} BEFORE {event} {when} "
            "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END")


# Name -> SQL, in the order of creation. `verify` compares what a file has with this, letter by letter.
# The insert triggers are there because INSERT OR REPLACE deletes rows without firing a delete trigger.
SCHEMA = {
    "stamps": _STAMPS,
    "contents": _CONTENTS,
    "head": _HEAD,
    "stamps_by_kind": "CREATE INDEX stamps_by_kind ON stamps (kind, seq)",
    "stamps_by_work": "CREATE INDEX stamps_by_work ON stamps (work, seq)",
    "stamps_update": _refuse("stamps_update", "UPDATE ON stamps"),
    "stamps_delete": _refuse("stamps_delete", "DELETE ON stamps"),
    "stamps_insert": _refuse("stamps_insert", "INSERT ON stamps",
                             "WHEN NEW.seq IS NOT (SELECT seq + 1 FROM head) OR NEW.prev IS NOT (SELECT id FROM head)"),
    "contents_update": _refuse("contents_update", "UPDATE ON contents"),
    "contents_delete": _refuse("contents_delete", "DELETE ON contents"),
    "contents_insert": _refuse("contents_insert", "INSERT ON contents",
                               "WHEN EXISTS (SELECT 1 FROM contents WHERE sha256 = NEW.sha256)"),
    "head_update": _refuse("head_update", "UPDATE ON head", "WHEN NEW.seq IS NOT OLD.seq + 1"),
    "head_delete": _refuse("head_delete", "DELETE ON head"),
    "head_insert": _refuse("head_insert", "INSERT ON head", "WHEN EXISTS (SELECT 1 FROM head)"),
}


@contextmanager
def sqlite_errors(path: Path) -> Iterator[None]:
    """Turns SQLite's refusals into one clear line.

    Raises: LedgerBroken, OutOfRoom, TimedOut
    """
    try:
        yield
    except (sqlite3.Error, UnicodeDecodeError) as error:  # SQLite quotes damaged bytes in its messages as they are
        raise _meaning(path, error) from error


def _meaning(path: Path, error: Exception) -> MakarError:
    name: str = getattr(error, "sqlite_errorname", "") or ""
    if name.startswith("SQLITE_FULL") or (name.startswith("SQLITE_IOERR") and _is_full(path.parent)):
        return OutOfRoom(f"the disk is full: nothing was added to the ledger '{path}', and what it held is unchanged; "
                         "free some space and run the same command again")
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return TimedOut(f"another program has held the ledger '{path}' for more than {BUSY_S:.0f} s; "
                        "end it and run the same command again")
    if name.startswith(_UNWRITABLE):
        return LedgerBroken(f"the ledger '{path}' cannot be written ({error}): give this user write access to it and "
                            "its folder, or set MAKAR_HOME to a folder that can be written")
    if isinstance(error, sqlite3.ProgrammingError):
        return LedgerBroken(f"the ledger '{path}' has been closed; open it again: makar.ledger.open_ledger")
    if name.startswith("SQLITE_NOTADB"):
        return LedgerBroken(f"'{path}' is not a ledger: {error}; move it away and a new ledger is begun, or restore a "
                            "copy of the old one")
    return LedgerBroken(f"the ledger '{path}' is damaged: {error}; run `makar ledger verify` and restore a copy")


def _is_full(folder: Path) -> bool:
    """SQLite tells a full disk from a broken one only where a write was cut short, not where a file could not grow."""
    try:
        return shutil.disk_usage(folder).free < LEAST_BYTES
    except OSError:
        return False


def connect(path: Path) -> sqlite3.Connection:
    """An open, checked connection to the ledger at `path`, which is begun where there is none.

    A ledger that may be read but not written is opened to be read; appending to it then fails.

    Raises: LedgerBroken, OutOfRoom, TimedOut, BadInput
    """
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    with sqlite_errors(path):
        try:
            return _open(f"{path.absolute().as_uri()}?mode=rwc", path, _prepare)
        except sqlite3.OperationalError as error:
            if not error.sqlite_errorname.startswith(_UNWRITABLE) or not os.access(path, os.R_OK) or path.is_dir():
                raise
        # Without a write-ahead log nobody is writing: SQLite need not make the files that readers and writers share.
        how = "mode=ro" if path.with_name(f"{path.name}-wal").exists() else "immutable=1"
        return _open(f"{path.absolute().as_uri()}?{how}", path, _require_ours)


def _open(uri: str, path: Path, prepare: Callable[[sqlite3.Connection, Path], bool]) -> sqlite3.Connection:
    db = sqlite3.connect(uri, uri=True, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
    try:
        db.execute("PRAGMA trusted_schema = OFF")
        db.execute("PRAGMA cell_size_check = ON")
        prepare(db, path)
    except BaseException:
        db.close()
        raise
    return db


def _require_ours(db: sqlite3.Connection, path: Path) -> bool:
    """Whether there is a ledger yet; anything else is not touched.

    Raises: LedgerBroken
    """
    # In one statement, so in one snapshot: another process may be beginning the ledger at this moment.
    version, application, num_parts = db.execute(
        "SELECT user_version, application_id, (SELECT count(*) FROM sqlite_master) "
        "FROM pragma_user_version, pragma_application_id").fetchone()
    if version == 0 and num_parts == 0:
        return False
    if application != APPLICATION_ID or version != VERSION:
        raise LedgerBroken(f"'{path}' is a database, but not a Makar ledger of form {VERSION}: move it away, or set "
                           "MAKAR_HOME to another folder")
    return True


def _prepare(db: sqlite3.Connection, path: Path) -> bool:
    begun = _require_ours(db, path)
    _begin_wal(db)
    # FULL: a commit is on the disk before the window or the release it stamps may leave.
    db.execute("PRAGMA synchronous = FULL")
    if not begun:
        _create(db)
    return True


def _begin_wal(db: sqlite3.Connection) -> None:
    """Switches to WAL. SQLite does not wait here when another process is switching at the same moment, so we do."""
    give_up_s = time.monotonic() + BUSY_S
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if not error.sqlite_errorname.startswith("SQLITE_BUSY") or time.monotonic() > give_up_s:
                raise
            time.sleep(0.005)


def _create(db: sqlite3.Connection) -> None:
    db.execute("BEGIN IMMEDIATE")
    try:
        if db.execute("PRAGMA user_version").fetchone() == (0,):  # nobody else was faster
            for sql in SCHEMA.values():
                db.execute(sql)
            db.execute("INSERT INTO head VALUES (1, 0, ?)", ("0" * 64,))
            db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            db.execute(f"PRAGMA user_version = {VERSION}")
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
