"""Fair timings: contestants take turns in one process, and a round that a busy neighbour disturbed is run again."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection
from operator import itemgetter
from typing import Any

import psutil
import torch

MOST_FOREIGN_FRAC = 0.05


class Apart:
    """A contestant in a process of its own, which sleeps between its turns: `make(*given)` there gives what to run."""

    def __init__(self, make: Callable[..., Callable[[], float]], *given: Any) -> None:
        context = get_context("spawn")
        self._here, there = context.Pipe()
        self._process = context.Process(target=_serve, args=(there, make, given), daemon=True)
        self._process.start()

    def __call__(self) -> float:
        """One turn that is not counted."""
        self.timed()
        return 0.0

    def timed(self) -> tuple[float, float]:
        """(rate, share of the machine that others used)."""
        self._here.send(True)
        found: tuple[float, float] = self._here.recv()
        return found


def _serve(pipe: Connection, make: Callable[..., Callable[[], float]], given: tuple[Any, ...]) -> None:
    run = make(*given)
    with suppress(EOFError):  # the contest is over
        while True:
            pipe.recv()
            pipe.send(_timed(run))


@dataclass
class Contest:
    """What each contestant did per second in the rounds that counted, and the most of the machine others then had."""

    rates: dict[str, list[float]] = field(default_factory=dict)
    dropped: int = 0
    foreign_frac: float = 0.0

    @property
    def rounds(self) -> str:
        """How many rounds counted, and how quiet they were."""
        num = min(map(len, self.rates.values()))
        return f"{num} rounds counted, {self.foreign_frac:.0%} by others at most; {self.dropped} more were disturbed"

    def median(self, name: str) -> float:
        """The median rate."""
        return statistics.median(self.rates[name])

    def ratio(self, name: str, against: str) -> float:
        """The median of the round-by-round ratios: it holds where the machine's speed drifts."""
        return statistics.median(a / b for a, b in zip(self.rates[name], self.rates[against], strict=True))


def machine() -> str:
    """The processor, its cores, and the torch that ran."""
    features = torch.cpu.get_capabilities()
    units = [name for name in ("avx2", "avx512_f", "avx512_vnni", "avx512_bf16", "amx_bf16") if features.get(name)]
    memory = psutil.virtual_memory().total / 2**30
    return (f"{features.get('cpu_name') or platform.processor()}, {os.cpu_count()} cores, {memory:.0f} GiB, "
            f"{' '.join(units)}; torch {torch.__version__}, {torch.get_num_threads()} threads")


def contest(contestants: Mapping[str, Callable[[], float]], *, rounds: int = 5, most_tries: int = 30,
            warm: bool = False) -> Contest:
    """Runs every contestant once per round, in turns that alternate, after a round that is not counted unless they are
    warm.

    A contestant returns how much it did (tokens, requests); its rate is that over its time. A round in which other
    processes took more than 5% of the machine is run again. Where `most_tries` rounds are not enough the least
    disturbed count, and the result says how much that was.
    """
    tried: list[tuple[float, dict[str, float]]] = []
    if not warm:
        for run in contestants.values():
            run()
    for _ in range(most_tries):
        turn = list(contestants.items())[::-1 if len(tried) % 2 else 1]  # who goes first must not matter
        measured = {name: run.timed() if isinstance(run, Apart) else _timed(run) for name, run in turn}
        tried.append((max(foreign for _, foreign in measured.values()),
                      {name: rate for name, (rate, _) in measured.items()}))
        if sum(foreign <= MOST_FOREIGN_FRAC for foreign, _ in tried) >= rounds:
            break
    quietest = sorted(tried, key=itemgetter(0))[:rounds]
    return Contest({name: [rates[name] for _, rates in quietest] for name in contestants}, len(tried) - len(quietest),
                   quietest[-1][0])


def _timed(run: Callable[[], float]) -> tuple[float, float]:
    """(rate, share of the machine that others used)."""
    before, own_before, start_s = _busy_s(), sum(os.times()[:4]), time.perf_counter()
    amount = run()
    spent_s = time.perf_counter() - start_s
    foreign_s = (_busy_s() - before) - (sum(os.times()[:4]) - own_before)
    return amount / spent_s, max(0.0, foreign_s) / (spent_s * (os.cpu_count() or 1))


def _busy_s() -> float:
    times = psutil.cpu_times()
    return float(times.user + times.system + getattr(times, "nice", 0.0) + getattr(times, "steal", 0.0))
