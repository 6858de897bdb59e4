"""Workers that each take the next order when they have done the last; with one worker all is done in this process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType

from makar.curation import worker
from makar.curation.task import Job
from makar.curation.worker import Order
from makar.kit.errors import BadInput, Damaged, MakarError, NotHere, OutOfRoom

Done = Callable[[Order], None]
_RAISED: dict[str, type[MakarError]] = {kind.__name__: kind for kind in (BadInput, Damaged, NotHere, OutOfRoom)}


class Pool:
    """Does orders with `num_workers` processes; they end with the block."""

    def __init__(self, job: Job, num_workers: int) -> None:
        self._job, self._num_workers = job, num_workers
        self._processes: list[subprocess.Popen[str]] = []

    def __enter__(self) -> Pool:
        if self._num_workers > 1:
            self._processes = [_started(self._job) for _ in range(self._num_workers)]
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        for process in self._processes:
            if process.stdin is not None and kind is None:
                process.stdin.close()
            else:
                process.kill()
        for process in self._processes:
            process.wait()
            for stream in (process.stdin, process.stdout):
                if stream is not None and not stream.closed:
                    stream.close()

    def run(self, orders: Iterator[Order], done: Done) -> None:
        """Does every order; `done` is told of each, in this thread where there is one worker.

        Raises: whatever an order raised first; OutOfRoom (a worker was killed)
        """
        if not self._processes:
            for order in orders:
                worker.perform(self._job, order)
                done(order)
            return
        _Feed(orders, done).run(self._processes)


class _Feed:
    """Hands the orders of one run to the workers, a thread for each."""

    def __init__(self, orders: Iterator[Order], done: Done) -> None:
        self._orders, self._done = orders, done
        self._lock = threading.Lock()
        self._failure: BaseException | None = None

    def run(self, processes: list[subprocess.Popen[str]]) -> None:
        threads = [threading.Thread(target=self._serve, args=(process,), daemon=True) for process in processes]
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive():
                thread.join(0.2)  # in slices, so that Ctrl-C is seen
        if self._failure is not None:
            raise self._failure

    def _next(self) -> Order | None:
        with self._lock:
            if self._failure is not None:
                return None
            return next(self._orders, None)

    def _serve(self, process: subprocess.Popen[str]) -> None:
        try:
            while (order := self._next()) is not None:
                _ask(process, order)
                with self._lock:
                    self._done(order)
        except BaseException as error:  # noqa: BLE001  carried to the thread that waits, whatever it is
            with self._lock:
                self._failure = self._failure or error


def _ask(process: subprocess.Popen[str], order: Order) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(json.dumps(order) + "\n")
        process.stdin.flush()
        line = process.stdout.readline()
    except BrokenPipeError:
        line = ""
    if not line:
        code = process.wait()
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        raise OutOfRoom(f"a worker {how} in the middle of its work, as happens when memory runs out; what is done is "
                        "kept: run the same command with --resume, and with fewer --workers")
    answer = json.loads(line)
    if "failed" in answer:
        kind = _RAISED.get(answer["error"], BadInput)
        raise kind(answer["message"])


def _started(job: Job) -> subprocess.Popen[str]:
    above = str(Path(__file__).resolve().parents[2])  # where the package `makar` lies
    path = os.pathsep.join([above, *filter(None, [os.environ.get("PYTHONPATH")])])
    process = subprocess.Popen([sys.executable, "-m", worker.__name__], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               text=True, encoding="utf-8", bufsize=1,
                               env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"})
    assert process.stdin is not None
    process.stdin.write(worker.order_of_job(job) + "\n")
    process.stdin.flush()
    return process
