"""A worker process: reads tasks as lines of JSON, answers each with one line. Ends when its input does.

A process of its own program rather than a fork: nothing of the parent is shared, and a script that calls Makar at its
top level is not run again in every worker.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from makar.curation import task
from makar.curation.config import CurateConfig
from makar.curation.plan import Source, of_line
from makar.curation.statistics import describe_shard
from makar.kit.config import from_json, to_json
from makar.kit.errors import MakarError

Order = dict[str, Any]
_WATCH_S = 0.1


def order_of_job(job: task.Job) -> str:
    """The line that tells a worker what it will work for."""
    return json.dumps({"sources": [[str(one.path), one.label] for one in job.sources], "config": to_json(job.config),
                       "spool": str(job.spool)})


def job_of_order(line: str) -> task.Job:
    """The job of such a line."""
    data = json.loads(line)
    return task.Job(tuple(Source(Path(path), label) for path, label in data["sources"]),
                    from_json(CurateConfig, data["config"]), Path(data["spool"]))


def perform(job: task.Job, order: Order) -> None:
    """Does what one line asks for."""
    if order["do"] == "task":
        task.run(job, order["number"], of_line(order["entries"]))
    else:
        describe_shard(Path(order["corpus"]), order["shard"], Path(order["out"]))


def main(read_line: Callable[[], str], write_line: Callable[[str], None]) -> None:
    """The loop of a worker."""
    job = job_of_order(read_line())
    while line := read_line():
        order = json.loads(line)
        try:
            perform(job, order)
            answer: Order = {"done": order["number"]}
        except MakarError as error:
            answer = {"failed": order["number"], "error": type(error).__name__, "message": str(error)}
        write_line(json.dumps(answer))


def _end_with(parent: int) -> None:
    """Ends this process soon after its parent was killed, so that it writes nothing into the work of a later run."""
    while os.getppid() == parent:
        time.sleep(_WATCH_S)
    os._exit(1)


def _serve() -> None:
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent ends its workers
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints must not be taken for an answer

    def write_line(line: str) -> None:
        answers.write(line + "\n")

    main(sys.stdin.readline, write_line)


if __name__ == "__main__":
    _serve()
