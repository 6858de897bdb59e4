"""A ledger that cannot be written says so in one clear line and keeps what it has."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from makar.kit.errors import BadInput, LedgerBroken, MakarError, OutOfRoom, TimedOut
from makar.ledger import database, open_ledger


def test_a_full_disk(tmp_path):
    with open_ledger(tmp_path / "l.db") as ledger:
        kept = ledger.append("request", {"n": 1})
        # SQLite's own limit gives the error that a full disk gives.
        ledger._db.execute(f"PRAGMA max_page_count = {ledger._db.execute('PRAGMA page_count').fetchone()[0]}")
        with pytest.raises(OutOfRoom, match="the disk is full") as caught:
            ledger.append("request", {"n": 2}, [b"x" * 1_000_000])
        assert "\n" not in str(caught.value)
        assert list(ledger.stamps()) == [kept]
        assert ledger.verify().ok
    with open_ledger(tmp_path / "l.db") as ledger:
        assert ledger.append("request", {"n": 2}).seq == 2


# root may write anywhere, so where the tests run as root the writer becomes somebody else, once all is imported
AS_ANYONE = """
import os, sys
from pathlib import Path
from makar.kit.errors import MakarError
from makar.ledger import open_ledger
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
try:
    with open_ledger(Path(sys.argv[1])) as ledger:
        print(ledger.verify().ok, len(list(ledger.stamps())))
        ledger.append("request", {})
except MakarError as error:
    print(f"{type(error).__name__}: {error}")
"""


@pytest.mark.parametrize("begun", [True, False])
def test_a_read_only_folder(begun):
    with tempfile.TemporaryDirectory() as named:
        Path(named).chmod(0o755)
        _try_to_write_in_a_read_only_folder(Path(named) / "locked", begun)


def _try_to_write_in_a_read_only_folder(folder, begun):
    folder.mkdir()
    if begun:
        with open_ledger(folder / "ledger.db") as ledger:
            ledger.append("request", {})
    before = sorted((path.name, path.read_bytes()) for path in folder.iterdir())
    for path in (*folder.iterdir(), folder):
        path.chmod(0o555 if path.is_dir() else 0o444)
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", AS_ANYONE, str(folder / "ledger.db")], capture_output=True, text=True,
                          check=False, env={**os.environ, "PYTHONPATH": str(root)})
    assert done.stderr == ""
    *read, refusal = done.stdout.splitlines()
    assert read == (["True 1"] if begun else [])  # what is there can still be read and verified
    assert refusal.startswith("LedgerBroken: the ledger '")
    assert "cannot be written" in refusal and "MAKAR_HOME" in refusal
    assert before == sorted((path.name, path.read_bytes()) for path in folder.iterdir())


def test_a_path_that_cannot_be(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(BadInput, match="cannot write"):
        open_ledger(tmp_path / "file" / "ledger.db")
    (tmp_path / "folder").mkdir()
    with pytest.raises(LedgerBroken, match="cannot be written"):
        open_ledger(tmp_path / "folder")


def test_a_ledger_that_another_program_holds(tmp_path, monkeypatch):
    monkeypatch.setattr(database, "BUSY_S", 0.05)
    with open_ledger(tmp_path / "l.db") as ledger:
        holder = sqlite3.connect(tmp_path / "l.db", isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(TimedOut, match="another program"):
            ledger.append("request", {})
        holder.execute("ROLLBACK")
        holder.close()
        assert ledger.append("request", {}).seq == 1


def test_a_ledger_damaged_while_it_is_open(tmp_path):
    with open_ledger(tmp_path / "l.db") as ledger:
        for n in range(50):
            ledger.append("request", {"n": n}, [b"%d" % n * 500])
    data = bytearray((tmp_path / "l.db").read_bytes())
    data[4096:] = os.urandom(len(data) - 4096)
    (tmp_path / "l.db").write_bytes(data)
    with open_ledger(tmp_path / "l.db") as ledger:
        for use in (lambda: ledger.append("request", {}), lambda: list(ledger.stamps()), lambda: ledger.get("a")):
            with pytest.raises(MakarError) as caught:
                use()
            assert "\n" not in str(caught.value)
        assert not ledger.verify().ok
