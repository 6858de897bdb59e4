"""What this processor can run, with how many threads, and how fast its memory is read."""

from __future__ import annotations

import os
import statistics
import time

import psutil
import torch

from makar.native.kernel import Threads
from makar.native.library import PATHS, has_path, why_not


def paths() -> tuple[str, ...]:
    """What runs here, fastest first; the last is always `twin`, plain PyTorch."""
    return (*(path for path in PATHS if has_path(path)), "twin")


def why_twin() -> str | None:
    """Why there is no kernel here; None where there is one."""
    return why_not()


def default_threads() -> int:
    """The cores this process may use, hardware threads of one core counted once."""
    allowed = len(os.sched_getaffinity(0))
    return max(1, min(allowed, psutil.cpu_count(logical=False) or allowed))


def read_rate(num_threads: int | None = None, size_bytes: int = 256 << 20) -> float:
    """Bytes per second that memory is read at: the median of five readings of a block that no cache holds.

    Raises: NotHere (there is no kernel)
    """
    threads = Threads(paths()[0], num_threads or default_threads())
    data = torch.ones(size_bytes, dtype=torch.uint8)
    rates = []
    for _ in range(6):
        start = time.perf_counter()
        threads.read(data)
        rates.append(size_bytes / (time.perf_counter() - start))
    return statistics.median(rates[1:])
