"""The ledger appends, finds, lists and exports; and refuses to change."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from datetime import datetime
from pathlib import Path

import pytest

from makar.kit.errors import BadInput
from makar.ledger import Ledger, open_ledger


@pytest.fixture
def ledger(tmp_path: Path):
    with open_ledger(tmp_path / "ledger.db") as opened:
        yield opened


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_the_default_ledger_is_in_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("MAKAR_HOME", str(tmp_path / "a home"))
    with open_ledger() as ledger:
        ledger.append("request", {})
    assert (tmp_path / "a home" / "ledger.db").is_file()


def test_a_clock_that_jumps_back_changes_neither_order_nor_chain(ledger, monkeypatch):
    hours = iter((12, 3, 23))

    class Clock(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime(2026, 8, 2, next(hours), tzinfo=tz)

    monkeypatch.setattr("makar.ledger.chain.datetime", Clock)
    made = [ledger.append("request", {"number": number}) for number in range(3)]
    assert [stamp.at[11:13] for stamp in made] == ["12", "03", "23"]  # what the clock said, not what it should have
    assert list(ledger.stamps()) == made
    assert [stamp.seq for stamp in ledger.stamps(newest_first=True)] == [3, 2, 1]
    assert ledger.verify().ok


def test_stamps_follow_each_other(ledger):
    first = ledger.append("request", {"prompt": "naïve 日本 \U0001f30d"})
    second = ledger.append("request", {"n": 2, "f": 0.1, "none": None})
    assert (first.seq, second.seq, first.prev, second.prev) == (1, 2, "0" * 64, first.id)
    assert list(ledger.stamps()) == [first, second]
    assert ledger.verify().ok and ledger.verify().head == second.id


def test_a_stamp_is_what_it_was_after_reopening(tmp_path):
    with open_ledger(tmp_path / "l.db") as ledger:
        stamp = ledger.append("model", {"nested": {"b": [1, 2.5, None, "x"]}}, [b"\x00\xff"])
    with open_ledger(tmp_path / "l.db") as ledger:
        assert ledger.get(stamp.id) == stamp
        assert ledger.content(stamp.contents[0]) == b"\x00\xff"


def test_the_id_is_the_hash_of_the_rest_in_canonical_json(ledger):
    stamp = ledger.append("request", {"words": "zwölf"}, [b"one"])
    rest = {"seq": stamp.seq, "kind": stamp.kind, "at": stamp.at, "body": stamp.body, "prev": stamp.prev,
            "contents": list(stamp.contents)}
    spelled = json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert sha256(spelled.encode()) == stamp.id


def test_contents_are_kept_once(ledger):
    ledger.append("request", {}, [b"same"])
    ledger.append("request", {}, [b"same", b"same", b"other"])
    with sqlite3.connect(ledger.path) as db:
        assert db.execute("SELECT count(*) FROM contents").fetchone() == (2,)
    db.close()
    assert ledger.content(sha256(b"same")) == b"same"
    assert ledger.verify().ok


def test_append_all_resolves_references_only_at_the_top(ledger):
    made = ledger.append_all([("request", {"prompt": {"words": "@0"}, "content": sha256(b"p")}),
                              ("artifact", {"request": "@0", "list": ["@0"]})], [b"p", b"unnamed"])
    assert made[1].body == {"request": made[0].id, "list": ["@0"]}
    assert made[0].body["prompt"] == {"words": "@0"}
    assert made[0].contents == (sha256(b"p"),) and made[1].contents == (sha256(b"unnamed"),)
    assert ledger.verify().ok


def test_append_all_is_one_transaction(ledger):
    with pytest.raises(BadInput, match="does not come earlier"):
        ledger.append_all([("request", {}), ("artifact", {"request": "@1"})], [b"x"])
    assert list(ledger.stamps()) == []
    with pytest.raises(BadInput):
        ledger.content(sha256(b"x"))


@pytest.mark.parametrize("body", [{"x": float("nan")}, {"x": object()}, {"x": "\ud800"}])
def test_what_cannot_be_recorded_is_refused_whole(ledger, body):
    with pytest.raises(BadInput, match="cannot be recorded"):
        ledger.append("request", body)
    assert ledger.append("request", {}).seq == 1


def test_get_by_prefix(ledger):
    stamps = [ledger.append("request", {"n": n}) for n in range(40)]
    assert ledger.get(stamps[7].id[:20]) == stamps[7]
    assert ledger.get(stamps[7].id.upper()) == stamps[7]
    shared = next(s.id[0] for s in stamps if sum(t.id[0] == s.id[0] for t in stamps) > 1)
    with pytest.raises(BadInput, match="several stamps"):
        ledger.get(shared)
    for nothing in ("", "xyz", "%", stamps[0].id + "0"):
        with pytest.raises(BadInput, match="makar ledger list"):
            ledger.get(nothing)


def test_stamps_by_kind_number_order_and_limit(ledger):
    stamps = [ledger.append("request" if n % 3 else "model", {"n": n}) for n in range(600)]
    assert list(ledger.stamps()) == stamps
    assert list(ledger.stamps(newest_first=True)) == stamps[::-1]
    assert list(ledger.stamps(kind="model")) == stamps[::3]
    assert list(ledger.stamps(kind="model", newest_first=True, limit=2)) == [stamps[597], stamps[594]]
    assert list(ledger.stamps(since_seq=598)) == stamps[598:]
    assert list(ledger.stamps(limit=256)) == stamps[:256]
    assert list(ledger.stamps(limit=0)) == list(ledger.stamps(kind="none of these")) == []


def test_stamps_about_a_work(ledger):
    ledger.append("review", {"work": "aa1", "n": 1})
    ledger.append("review", {"work": "aa2"})
    ledger.append("review", {"work": "aa1", "n": 2})
    assert [stamp.body["n"] for stamp in ledger.work("AA1")] == [1, 2]
    assert ledger.work("b") == ledger.work("") == []
    with pytest.raises(BadInput, match="several works"):
        ledger.work("aa")


def test_a_batch_that_fails_leaves_nothing(ledger):
    with pytest.raises(KeyboardInterrupt), ledger.batch() as batch:
        batch.append("request", {}, [b"gone"])
        raise KeyboardInterrupt
    assert list(ledger.stamps()) == []
    assert ledger.append("request", {}).seq == 1
    assert ledger.verify().ok


@pytest.mark.parametrize("sql", [
    "UPDATE stamps SET kind = 'x'", "DELETE FROM stamps", "UPDATE contents SET bytes = x'00'", "DELETE FROM contents",
    "INSERT OR REPLACE INTO contents SELECT sha256, x'00' FROM contents", "DELETE FROM head",
    "UPDATE head SET id = 'x'", "INSERT OR REPLACE INTO head VALUES (1, 0, 'x')",
    "INSERT OR REPLACE INTO stamps SELECT seq, id, 'x', at, body, contents, prev, work FROM stamps",
    "INSERT INTO stamps SELECT seq + 5, 'x', kind, at, body, contents, prev, work FROM stamps",
])
def test_sqlite_itself_refuses_changes(ledger, sql):
    ledger.append("request", {"n": 1}, [b"content"])
    db = sqlite3.connect(ledger.path)
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        db.execute(sql)
    db.close()
    assert ledger.verify().ok


def test_export_can_be_checked_without_makar(ledger, tmp_path):
    ledger.append("request", {"words": "zwölf"}, ["grün".encode(), b"\xff\xfe"])
    ledger.append("request", {"again": True}, ["grün".encode()])
    assert ledger.export(tmp_path / "out.jsonl") == 2
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    contents = [line for line in lines if "sha256" in line]
    assert [sorted(line) for line in contents].count(["sha256", "text"]) == 1 and len(contents) == 2
    prev = "0" * 64
    for line in (line for line in lines if "stamp" in line):
        spelled = json.dumps(line["stamp"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        assert sha256(spelled.encode()) == line["id"] and line["stamp"]["prev"] == prev
        prev = line["id"]
    assert prev == ledger.verify().head


def test_threads_share_a_ledger(ledger):
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: ledger.append("request", {"n": n}), range(200)))
    assert sorted(stamp.body["n"] for stamp in ledger.stamps()) == list(range(200))
    assert ledger.verify().ok


def test_a_ledger_that_nobody_closes_is_closed(tmp_path):
    ledger = Ledger(tmp_path / "l.db")
    ledger.append("request", {})
    del ledger
    assert not (tmp_path / "l.db-wal").exists()


def test_a_ledger_can_be_begun_by_many_at_once(tmp_path):
    from concurrent.futures import ThreadPoolExecutor
    from threading import Barrier

    barrier = Barrier(6)

    def begin(who: int) -> None:
        for n in range(15):
            barrier.wait()
            with open_ledger(tmp_path / str(n) / "l.db") as ledger:
                ledger.append("request", {"who": who})

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(begin, range(6)))
    for n in range(15):
        with open_ledger(tmp_path / str(n) / "l.db") as ledger:
            assert ledger.verify().ok
            assert sorted(stamp.body["who"] for stamp in ledger.stamps()) == list(range(6))
