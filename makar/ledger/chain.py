"""The ledger: stamps are appended to a hash chain and never changed."""

from __future__ import annotations

import sqlite3
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from makar.kit.errors import BadInput, LedgerBroken
from makar.kit.files import sha256_bytes
from makar.kit.home import home
from makar.ledger.database import connect, sqlite_errors
from makar.ledger.export import export
from makar.ledger.stamp import Report, Row, Stamp, mentioned, row
from makar.ledger.verify import verify
from makar.ledger.witness import Witness

_PAGE = 256  # rows read at a time, so that no reader keeps the write-ahead log from shrinking


def open_ledger(path: Path | None = None) -> Ledger:
    """The ledger at `path`, by default `ledger.db` in Makar's home folder; begun where there is none.

    Raises: LedgerBroken, OutOfRoom, TimedOut, BadInput
    """
    return Ledger(home() / "ledger.db" if path is None else path)


class Batch:
    """Stamps that enter the ledger together or not at all. Made by `Ledger.batch`."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self.stamps: list[Stamp] = []

    def append(self, kind: str, body: Mapping[str, Any], contents: Sequence[bytes] = ()) -> Stamp:
        """Adds a stamp. `contents` are kept by their SHA-256, which the body names where it refers to them.

        Raises: BadInput
        """
        held = {sha256_bytes(data): bytes(data) for data in contents}
        seq, prev = self._db.execute("SELECT seq, id FROM head").fetchone()
        at = datetime.now(UTC).isoformat(timespec="microseconds")
        new = row(seq + 1, kind, at, body, sorted(held), prev)
        work = body.get("work")
        self._db.execute(f"INSERT INTO stamps ({Row.COLUMNS}, work) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                         (new.seq, new.id, kind, at, new.body, new.contents, prev,
                          work if isinstance(work, str) else None))
        for name, data in held.items():
            self._db.execute("INSERT INTO contents SELECT ?1, ?2 WHERE NOT EXISTS "
                             "(SELECT 1 FROM contents WHERE sha256 = ?1)", (name, data))
        self._db.execute("UPDATE head SET seq = ?, id = ?", (new.seq, new.id))
        self.stamps.append(new.stamp())
        return self.stamps[-1]


class Ledger:
    """An append-only chain of stamps in one SQLite file. Threads may share it; a forked process opens its own."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._before_close: list[Callable[[], None]] = []
        self._db = connect(path)
        self._witness = Witness(path)
        # Also where nobody closes it: the write-ahead log is folded in when the last connection goes.
        self._end = weakref.finalize(self, _end, self._db, self._witness)

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()

    @contextmanager
    def batch(self) -> Iterator[Batch]:
        """One transaction: all stamps appended in the block are on disk when it ends; none if it fails.

        Raises: LedgerBroken, OutOfRoom, TimedOut
        """
        with self._lock, sqlite_errors(self.path):
            self._db.execute("BEGIN IMMEDIATE")
            batch = Batch(self._db)
            try:
                yield batch
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
            if batch.stamps:
                self._witness.note(batch.stamps[-1].seq, batch.stamps[-1].id)

    def append(self, kind: str, body: Mapping[str, Any], contents: Sequence[bytes] = ()) -> Stamp:
        """Adds one stamp; it is on disk when this returns.

        Raises: BadInput, LedgerBroken, OutOfRoom, TimedOut
        """
        with self.batch() as batch:
            return batch.append(kind, body, contents)

    def append_all(self, stamps: Sequence[tuple[str, Mapping[str, Any]]],
                   contents: Sequence[bytes] = ()) -> list[Stamp]:
        """Adds several stamps in one transaction.

        A value "@K" at the top of a body becomes the id of the K-th stamp of this call. Each content goes with the
        first stamp whose body names its hash, else with the last stamp.

        Raises: BadInput, LedgerBroken, OutOfRoom, TimedOut
        """
        left = {sha256_bytes(data): data for data in contents}
        with self.batch() as batch:
            for index, (kind, body) in enumerate(stamps):
                last = index == len(stamps) - 1
                named = set(left) if last else mentioned(body) & set(left)
                batch.append(kind, _resolved(body, batch.stamps), [left.pop(name) for name in sorted(named)])
        return batch.stamps

    def get(self, id_or_prefix: str) -> Stamp:
        """The one stamp whose id begins so.

        Raises: BadInput (none, or several)
        """
        wanted = id_or_prefix.strip().lower()
        if not wanted or set(wanted) - set("0123456789abcdef"):
            raise BadInput(f"'{id_or_prefix}' is not the id of a stamp; `makar ledger list` shows them")
        rows = self._rows("WHERE id >= ? AND id < ? ORDER BY id LIMIT 2", (wanted, f"{wanted}g"))
        if not rows:
            raise BadInput(f"no stamp has an id that begins with '{wanted}'; `makar ledger list` shows them")
        if len(rows) > 1:
            raise BadInput(f"several stamps have ids that begin with '{wanted}', such as {rows[0].id[:16]} and "
                           f"{rows[1].id[:16]}; give more digits")
        return rows[0].stamp()

    def about(self, work: str) -> list[Stamp]:
        """Every stamp about the work of that id, oldest first."""
        return [found.stamp() for found in self._rows("WHERE work = ? ORDER BY seq", (work,))]

    def work(self, id_or_prefix: str) -> list[Stamp]:
        """Every stamp about the one work whose id begins so, oldest first; empty where there is none.

        Raises: BadInput (several works)
        """
        wanted = id_or_prefix.strip().lower()
        with self._lock, sqlite_errors(self.path):
            found = self._db.execute("SELECT DISTINCT work FROM stamps WHERE work >= ? AND work < ? LIMIT 2",
                                     (wanted, f"{wanted}\U0010ffff")).fetchall() if wanted else []
        if len(found) > 1:
            raise BadInput(f"several works have ids that begin with '{wanted}', such as {found[0][0]} and "
                           f"{found[1][0]}; give more digits")
        return self.about(found[0][0]) if found else []

    def stamps(self, kind: str | None = None, since_seq: int = 0, newest_first: bool = False,
               limit: int | None = None) -> Iterator[Stamp]:
        """Stamps after number `since_seq`, of one kind or all, in order of their numbers."""
        low, high, left = since_seq, 2**62, 2**62 if limit is None else limit
        order = "DESC" if newest_first else "ASC"
        where = f"WHERE seq > ? AND seq < ? {'' if kind is None else 'AND kind = ?'} ORDER BY seq {order} LIMIT ?"
        while left > 0:
            page = self._rows(where, (low, high, *(() if kind is None else (kind,)), min(left, _PAGE)))
            yield from (found.stamp() for found in page)
            left -= len(page)
            if len(page) < _PAGE:
                return
            low, high = (low, page[-1].seq) if newest_first else (page[-1].seq, high)

    def content(self, sha256: str) -> bytes:
        """The content of that hash, checked.

        Raises: BadInput (not here), LedgerBroken (damaged)
        """
        with self._lock, sqlite_errors(self.path):
            found = self._db.execute("SELECT bytes FROM contents WHERE sha256 = ?", (sha256,)).fetchone()
        if found is None:
            raise BadInput(f"the ledger holds no content with the hash '{sha256}'")
        if not isinstance(found[0], bytes) or sha256_bytes(found[0]) != sha256:
            raise LedgerBroken(f"the content {sha256[:16]} in '{self.path}' was changed; run `makar ledger verify`")
        return found[0]

    def verify(self) -> Report:
        """Checks the whole ledger; see `makar.ledger.verify` for what is and what is not covered."""
        return verify(self.path)

    def export(self, path: Path) -> int:
        """Writes all stamps and contents as JSON lines, whole or not at all; returns the number of stamps.

        Raises: OutOfRoom, BadInput, LedgerBroken
        """
        return export(self, path)

    @contextmanager
    def before_close(self, action: Callable[[], None]) -> Iterator[None]:
        """If the ledger is closed within the block, `action` is called first and can still write."""
        self._before_close.append(action)
        try:
            yield
        finally:
            self._before_close.remove(action)

    def close(self) -> None:
        """Ends the use of this ledger; more than once does no harm."""
        with self._lock:
            for action in tuple(self._before_close):
                action()
            self._end()

    def _rows(self, where: str, values: tuple[Any, ...]) -> list[Row]:
        with self._lock, sqlite_errors(self.path):
            return [Row(*found) for found in self._db.execute(f"SELECT {Row.COLUMNS} FROM stamps {where}", values)]


def _end(db: sqlite3.Connection, witness: Witness) -> None:
    db.close()
    witness.close()


def _resolved(body: Mapping[str, Any], earlier: Sequence[Stamp]) -> dict[str, Any]:
    """`body` with "@K" at its top level replaced. Deeper values are user content and stay as they are."""
    def value(item: Any) -> Any:
        if isinstance(item, str) and item.startswith("@") and item[1:].isdecimal():
            if int(item[1:]) >= len(earlier):
                raise BadInput(f"'{item}' refers to a stamp that does not come earlier in the same call")
            return earlier[int(item[1:])].id
        return item
    return {key: value(item) for key, item in body.items()}
