"""Whatever is changed in a ledger is found, or could not be read by anyone."""

from __future__ import annotations

import random
import shutil
import sqlite3
from pathlib import Path

import pytest

from makar.kit.errors import LedgerBroken, MakarError
from makar.ledger import Report, open_ledger
from makar.ledger.verify import verify
from makar.ledger.witness import witness_path


@pytest.fixture(scope="module")
def original(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("original") / "ledger.db"
    with open_ledger(path) as ledger:
        for n in range(12):
            request = ledger.append("request", {"prompt": f"number {n} " + "wörter " * 30}, [b"request %d" % n])
            ledger.append("partial", {"request": request.id, "work": f"{n:032x}"}, [b"content %d " % n * 200])
    assert verify(path).ok
    return path


@pytest.fixture
def copy(original, tmp_path) -> Path:
    for path in (original, witness_path(original)):
        shutil.copy(path, tmp_path / path.name)
    return tmp_path / original.name


def everything(path: Path) -> list[object]:
    """All that a reader of the ledger can get at."""
    with open_ledger(path) as ledger:
        stamps = list(ledger.stamps())
        found = [ledger.get(stamp.id) for stamp in stamps]
        by_kind = [list(ledger.stamps(kind, newest_first=True)) for kind in ("request", "partial")]
        works = [ledger.work(f"{n:032x}") for n in range(12)]
        return [stamps, found, by_kind, works, [ledger.content(name) for stamp in stamps for name in stamp.contents]]


def without_triggers(path: Path, *statements: str) -> Report:
    db = sqlite3.connect(path, isolation_level=None)
    triggers = db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for name, _ in triggers:
        db.execute(f"DROP TRIGGER {name}")
    for statement in statements:
        db.execute(statement)
    for _, sql in triggers:
        db.execute(sql)
    db.close()
    return verify(path)


def test_putting_the_triggers_back_is_not_found_by_itself(copy):
    assert without_triggers(copy).ok


@pytest.mark.parametrize(("statement", "problem"), [
    ("UPDATE stamps SET body = replace(body, 'number 3', 'number 4') WHERE seq = 7", "stamp 7 was changed"),
    ("UPDATE stamps SET kind = 'partial' WHERE seq = 7", "stamp 7 was changed"),
    ("UPDATE stamps SET at = '2020-01-01T00:00:00.000000+00:00' WHERE seq = 1", "stamp 1 was changed"),
    ("UPDATE stamps SET work = NULL WHERE seq = 8", "stamp 8 was changed"),
    ("UPDATE stamps SET body = CAST(body AS BLOB) WHERE seq = 8", "another type"),
    ("UPDATE stamps SET body = '{' WHERE seq = 8", "stamp 8 was changed"),
    ("UPDATE stamps SET contents = '[]' WHERE seq = 8", "stamp 8 was changed"),
    ("DELETE FROM stamps WHERE seq = 9", "stamps 9 to 9 are missing"),
    ("DELETE FROM stamps WHERE seq = 24", "do not fit the head"),
    ("DELETE FROM stamps", "do not fit the head"),
    ("UPDATE stamps SET seq = 100 - seq", "stamps 1 to 75 are missing"),
    ("INSERT INTO stamps SELECT 25, 'x', kind, at, body, contents, prev, work FROM stamps WHERE seq = 1",
     "does not follow the one before it"),
    ("UPDATE contents SET bytes = x'00' WHERE rowid = 1", "was changed"),
    ("UPDATE contents SET sha256 = 'x' WHERE rowid = 1", "was changed"),
    ("DELETE FROM contents WHERE rowid = 1", "is missing"),
    ("INSERT INTO contents SELECT '2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae', "
     "CAST('foo' AS BLOB)", "belongs to no stamp"),
    ("UPDATE head SET seq = 23", "do not fit the head"),
    ("DELETE FROM head", "do not fit the head"),
    ("CREATE TABLE more (x)", "'more' was added"),
    ("CREATE TRIGGER quiet BEFORE INSERT ON stamps BEGIN SELECT RAISE(IGNORE); END", "'quiet' was added"),
    ("DROP INDEX stamps_by_kind", "'stamps_by_kind' is gone"),
])
def test_changed_rows(copy, statement, problem):
    report = without_triggers(copy, statement)
    assert not report.ok
    assert problem in " | ".join(report.problems)


def test_a_chain_cut_short_with_its_head_is_found_by_the_head_file(copy):
    report = without_triggers(copy, "DELETE FROM contents WHERE sha256 IN (SELECT substr(contents, 3, 64) FROM stamps "
                                    "WHERE seq = 24)", "DELETE FROM stamps WHERE seq = 24",
                              "UPDATE head SET seq = 23, id = (SELECT id FROM stamps WHERE seq = 23)")
    assert len(report.problems) == 1
    assert "the last stamps are missing: the head file has seen 24, there are 23" in report.problems[0]


def test_an_older_copy_put_in_place_is_found(copy, original):
    with open_ledger(copy) as ledger:
        ledger.append("request", {})
    shutil.copy(original, copy)
    assert "the head file has seen 25, there are 24" in verify(copy).problems[0]


def test_a_chain_made_anew_is_found_by_the_head_file(copy):
    copy.unlink()
    seen = witness_path(copy).read_bytes()
    with open_ledger(copy) as ledger:
        for n in range(24):
            ledger.append("request", {"forged": n})
    witness_path(copy).write_bytes(seen)
    assert "stamp 24 is not the one the head file has seen" in verify(copy).problems[0]


def test_a_lost_write_ahead_log_is_found(copy):
    with open_ledger(copy) as ledger:
        before = copy.read_bytes()
        ledger.append("request", {"in the log": True})
        assert copy.read_bytes() == before  # it is still only in the log
    copy.write_bytes(before)
    assert not verify(copy).ok


def test_dropped_triggers_are_found(copy):
    db = sqlite3.connect(copy)
    db.execute("DROP TRIGGER stamps_delete")
    db.close()
    assert verify(copy).problems == ("the database part 'stamps_delete' is gone",)


@pytest.mark.parametrize("keep_frac", [0.0, 0.3, 0.9])
def test_a_truncated_file(copy, keep_frac):
    data = copy.read_bytes()
    copy.write_bytes(data[:int(len(data) * keep_frac)])
    assert not verify(copy).ok


@pytest.mark.parametrize("data", [b"not a database at all\n" * 400, b"\x00" * 8192,
                                  b"SQLite format 3\x00" + b"\xff" * 4096])
def test_a_file_that_is_no_ledger(tmp_path, data):
    path = tmp_path / "ledger.db"
    path.write_bytes(data)
    with pytest.raises(LedgerBroken, match="ledger"):
        open_ledger(path)
    assert path.read_bytes() == data
    assert not verify(path).ok


def test_a_database_of_someone_else(tmp_path):
    path = tmp_path / "ledger.db"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE precious (x)")
    db.close()
    with pytest.raises(LedgerBroken, match="not a Makar ledger"):
        open_ledger(path)


def test_any_flipped_byte_is_found_or_unreadable(copy):
    """A flip that verify does not find must have changed nothing that anyone can read."""
    pristine, expected = copy.read_bytes(), everything(copy)
    assert verify(copy).ok
    chance = random.Random(11)
    places = [*range(100), *(chance.randrange(len(pristine)) for _ in range(300))]
    num_found = 0
    for place in places:
        flipped = bytearray(pristine)
        flipped[place] ^= chance.randrange(1, 256)
        copy.write_bytes(flipped)
        if not verify(copy).ok:
            num_found += 1
            continue
        try:
            assert everything(copy) == expected, f"byte {place} changed what is read, and verify said nothing"
        except MakarError as error:
            pytest.fail(f"byte {place} cannot be read, and verify said nothing: {error}")
    assert num_found > len(places) // 3


def test_any_flipped_byte_of_a_stamp_or_content_is_found(copy):
    pristine = copy.read_bytes()
    chance = random.Random(12)
    texts = [f"number {n} ".encode() for n in range(12)] + [b"content 7 content 7", b"request 5", "wörter".encode()]
    for text in texts:
        start = pristine.index(text)
        flipped = bytearray(pristine)
        flipped[start + chance.randrange(len(text))] ^= 1 << chance.randrange(8)
        copy.write_bytes(flipped)
        report = verify(copy)
        assert not report.ok, text
        assert all("\n" not in problem for problem in report.problems)


def test_any_flipped_byte_of_the_head_file_is_found(copy):
    path = witness_path(copy)
    pristine = path.read_bytes()
    for place in range(len(pristine)):
        flipped = bytearray(pristine)
        flipped[place] ^= 1
        path.write_bytes(flipped)
        assert not verify(copy).ok, place


def test_a_changed_stamp_is_never_handed_out(copy):
    without_triggers(copy, "UPDATE stamps SET body = replace(body, 'number 3', 'number 4') WHERE seq = 7",
                     "UPDATE contents SET bytes = x'00' WHERE rowid = 1")
    with open_ledger(copy) as ledger:
        first = next(ledger.stamps())
        with pytest.raises(LedgerBroken, match="stamp 7 "):
            list(ledger.stamps())
        with pytest.raises(LedgerBroken, match="was changed"):
            ledger.content(first.contents[0])


def test_many_problems_are_counted(copy):
    report = without_triggers(copy, "UPDATE stamps SET at = 'never'", "DELETE FROM contents",
                              "CREATE TABLE more (x)")
    assert not report.ok and report.num_stamps == 24
    assert len(report.problems) <= 101
