"""Many processes at once, and processes killed in the middle of writing."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from makar.ledger import open_ledger

NUM_WRITERS, NUM_EACH = 8, 25

WRITER = """
import sys
from pathlib import Path
from makar.ledger import open_ledger
who, num, path = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
with open_ledger(path) as ledger:
    print("open", flush=True)
    for n in range(num):
        made = ledger.append_all([("request", {"who": who, "n": n}), ("partial", {"request": "@0"})],
                                 [f"{who} {n}".encode() * 500])
        print(made[0].id, flush=True)
"""


def start(who: str, num: int, path: Path) -> subprocess.Popen[str]:
    root = Path(__file__).resolve().parents[2]
    return subprocess.Popen([sys.executable, "-c", WRITER, who, str(num), str(path)], stdout=subprocess.PIPE, text=True,
                            env={**os.environ, "PYTHONPATH": str(root)})


def test_eight_writers_lose_nothing(tmp_path):
    path = tmp_path / "new" / "ledger.db"  # they also race to begin it
    writers = [start(str(who), NUM_EACH, path) for who in range(NUM_WRITERS)]
    said = [writer.communicate()[0].split()[1:] for writer in writers]
    assert [writer.returncode for writer in writers] == [0] * NUM_WRITERS
    with open_ledger(path) as ledger:
        report = ledger.verify()
        assert report.ok, report.problems
        requests = list(ledger.stamps("request"))
        assert report.num_stamps == 2 * NUM_WRITERS * NUM_EACH
    assert sorted(stamp.id for stamp in requests) == sorted(stamp_id for ids in said for stamp_id in ids)
    for who in range(NUM_WRITERS):
        assert [stamp.body["n"] for stamp in requests if stamp.body["who"] == str(who)] == list(range(NUM_EACH))


def test_kill_9_in_the_middle_of_writing(tmp_path):
    path = tmp_path / "ledger.db"
    chance = random.Random(5)
    acknowledged: set[str] = set()
    for turn in range(12):
        writer = start(str(turn), 100_000, path)
        assert writer.stdout is not None
        assert writer.stdout.readline() == "open\n"
        time.sleep(chance.uniform(0, 0.12))
        os.kill(writer.pid, signal.SIGKILL)
        lines = writer.stdout.read().split("\n")
        writer.stdout.close()
        writer.wait()
        acknowledged |= {line for line in lines if len(line) == 64}
        with open_ledger(path) as ledger:
            report = ledger.verify()
            assert report.ok, report.problems
            assert report.num_stamps % 2 == 0  # both stamps of a transaction, or none
            assert acknowledged <= {stamp.id for stamp in ledger.stamps("request")}
    assert len(acknowledged) > 12


def test_kill_9_while_the_ledger_is_begun(tmp_path):
    chance = random.Random(6)
    for turn in range(8):
        path = tmp_path / f"{turn}.db"
        writer = start("x", 1, path)
        time.sleep(chance.uniform(0.05, 0.3))
        os.kill(writer.pid, signal.SIGKILL)
        writer.communicate()
        with open_ledger(path) as ledger:
            ledger.append("request", {})
            report = ledger.verify()
            assert report.ok, report.problems
