"""Whatever is killed whenever: nothing has left that is not in the ledger."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from makar.ledger import open_ledger

STREAMS = """
import sys
from pathlib import Path
from parrot_stage import CHECKS, PROSE, Stage
from makar.ledger import open_ledger
from makar.review import screen
screen.load_checks = lambda: [check for check in CHECKS if check.streaming]
with open_ledger(Path(sys.argv[1])) as ledger:
    stage = Stage(ledger)
    print("ready", flush=True)
    for turn in range(1000):
        for window in stage.work(f"Work {turn}. {PROSE}").stream():
            print(window, end="", flush=True)
        print(flush=True)
"""


def test_what_left_before_a_kill_is_stamped(tmp_path):
    chance = random.Random(3)
    path = tmp_path / "ledger.db"
    root = Path(__file__).resolve().parents[2]
    places = os.pathsep.join([str(root), str(Path(__file__).parent)])
    num_left = 0
    for _ in range(5):
        with open_ledger(path) as ledger:
            first = sum(1 for _ in ledger.stamps())
        process = subprocess.Popen([sys.executable, "-c", STREAMS, str(path)], stdout=subprocess.PIPE, text=True,
                                   env={**os.environ, "PYTHONPATH": places})
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(chance.uniform(0.2, 1.5))
        os.kill(process.pid, signal.SIGKILL)
        left = process.stdout.read().replace("\n", "")
        process.stdout.close()
        process.wait()
        num_left += len(left)
        with open_ledger(path) as ledger:
            report = ledger.verify()
            assert report.ok, report.problems
            windows = [ledger.content(stamp.body["content"]).decode() for stamp in ledger.stamps("window", first)]
            assert "".join(windows).startswith(left)
            released = [stamp.body["content"] for stamp in ledger.stamps("release", first)]
            for content in released:
                assert ledger.content(content).decode() in "".join(windows)
    assert num_left > 0
