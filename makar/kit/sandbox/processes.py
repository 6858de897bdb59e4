"""Finds, measures and kills every process below one, as /proc shows them."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path


def descendants(pid: int) -> list[int]:
    """Process ids below `pid`, without it; empty where the system has no /proc."""
    found: list[int] = []
    waiting = [pid]
    while waiting:
        for child in _children(waiting.pop()):
            found.append(child)
            waiting.append(child)
    return found


def _children(pid: int) -> list[int]:
    children: list[int] = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            children += map(int, Path(f"/proc/{pid}/task/{task}/children").read_text().split())
    except (FileNotFoundError, ProcessLookupError, PermissionError):  # ended while we looked
        return children
    return children


def memory_bytes(pid: int) -> int:
    """Memory that is the process's own: resident pages that are not read from files; 0 if it has ended."""
    own_bytes = 0
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(("RssAnon:", "RssShmem:")):
                own_bytes += int(line.split()[1]) * 1024
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return 0
    return own_bytes


def kill_tree(pid: int) -> None:
    """Kills all below `pid` until none is left, then `pid` itself."""
    kill_below(pid)
    _signal(pid)


def kill_below(pid: int, *, patience_s: float = 2.0) -> None:
    """Kills all below `pid` until none is left, or patience ends."""
    until_s = time.monotonic() + patience_s
    while (below := [child for child in descendants(pid) if _alive(child)]) and time.monotonic() < until_s:
        for child in below:
            _signal(child)


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def _signal(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):  # ended, or not ours any more
        return
