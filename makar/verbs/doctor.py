"""What this machine can do for Makar, and what keeps it from more."""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import torch

from makar import store
from makar.kit.config import from_json
from makar.kit.errors import MakarError
from makar.kit.home import home
from makar.kit.sandbox import containment
from makar.methods.autoregress.opening import why_plain
from makar.native import cpu
from makar.native.cache import RowCache
from makar.native.packed_file import bytes_per_token
from makar.nets.transformer import Config

REACHED_FRAC = 0.8
"""The share of the memory's speed that a step usually reaches; `benchmarks/decode.py` measures it."""


@dataclass(frozen=True)
class ModelSpeed:
    """What one stored model can be expected to do, one sequence at a time.

    most_tok_s: tokens per second if a step took no longer than reading the weights; expected_tok_s: what is usual.
    """

    name: str
    arithmetic: str
    why: str
    step_bytes: int
    cache_bytes_per_1000_tok: int
    most_tok_s: float
    expected_tok_s: float


@dataclass(frozen=True)
class Diagnosis:
    """All that `makar doctor` shows."""

    processor: dict[str, Any]
    kernel: dict[str, Any]
    memory: dict[str, Any]
    models: tuple[ModelSpeed, ...]
    extras: dict[str, str]
    sandbox: dict[str, tuple[str, ...]]
    home: dict[str, Any]


def diagnose() -> Diagnosis:
    """Looks at the machine; takes a second or two, most of it reading memory."""
    read_bytes_s = read_speed()
    memory, held, threads = psutil.virtual_memory(), containment(), cpu.default_threads()
    path, why = cpu.paths()[0], cpu.why_twin()
    return Diagnosis(
        processor={"name": torch.cpu.get_capabilities().get("cpu_name") or "unknown",
                   "cores": len(os.sched_getaffinity(0)), "features": _features()},
        kernel={"path": path, "built": why is None, "threads": threads,
                "why": why or "the fastest of those this processor runs: " + ", ".join(cpu.paths())},
        memory={"total_bytes": memory.total, "free_bytes": memory.available, "read_bytes_s": round(read_bytes_s)},
        models=tuple(_speed(entry.name, read_bytes_s) for entry in store.listing() if entry.here == "ready"),
        extras=extras(), sandbox={"held": held.contained, "not held": held.not_contained}, home=_home())


def _features() -> list[str]:
    known = torch.cpu.get_capabilities()
    told = ("avx2", "avx512_f", "avx512_vnni", "avx512_bf16", "amx_bf16", "dotprod")
    return [name for name in told if known.get(name)]


def read_speed(num_bytes: int = 1 << 28, num_trials: int = 5) -> float:
    """Bytes per second that memory is read at, by the kernel or, where there is none, by PyTorch."""
    if cpu.paths()[0] != "twin":
        return cpu.read_rate(size_bytes=num_bytes)
    words, times_s = torch.ones(num_bytes // 8, dtype=torch.int64), []
    for _ in range(num_trials):
        start_s = time.perf_counter()
        words.sum()
        times_s.append(time.perf_counter() - start_s)
    return num_bytes / statistics.median(times_s)


def _speed(name: str, read_bytes_s: float) -> ModelSpeed:
    try:
        stored = store.stored(name, pull=False)
        config, plain = from_json(Config, stored.architecture), why_plain(stored)
        step_bytes, known = (_plain_bytes(stored.folder), True) if plain else bytes_per_token(stored, config, "file")
    except MakarError as error:
        return ModelSpeed(name, "none", str(error), 0, 0, 0.0, 0.0)
    most = read_bytes_s / step_bytes
    why = plain or ("the kernel knows this processor and the model" if known else
                    "not packed yet, so its figures are estimates; its first use packs it")
    return ModelSpeed(name, "plain" if plain else "native", why, step_bytes,
                      RowCache(config).bytes_of(1, 1024) * 1000 // 1024, round(most, 1), round(most * REACHED_FRAC, 1))


def _plain_bytes(folder: Path) -> int:
    return (folder / "weights.safetensors").stat().st_size


def extras() -> dict[str, str]:
    """Each optional extra: `present`, or the packages that are missing and how to install them."""
    try:
        needed = importlib.metadata.requires("makar") or []
    except importlib.metadata.PackageNotFoundError:
        return {}
    found: dict[str, list[str]] = {}
    for line in needed:
        match = re.match(r"([\w.-]+)(?:\[[^\]]*\])?.*;.*extra == ['\"]([\w-]+)['\"]", line)
        if match and match[1] != "makar":
            found.setdefault(match[2], []).append(match[1])
    return {extra: _missing(extra, packages) for extra, packages in sorted(found.items())}


def _missing(extra: str, packages: list[str]) -> str:
    missing = []
    for package in packages:
        try:
            importlib.metadata.distribution(package)
        except importlib.metadata.PackageNotFoundError:
            missing.append(package)
    return f"without {', '.join(missing)}; pip install 'makar[{extra}]'" if missing else "present"


def _home() -> dict[str, Any]:
    folder = home()
    there = next(path for path in (folder, *folder.parents) if path.exists())
    return {"folder": str(folder), "free_bytes": shutil.disk_usage(there).free,
            "writable": os.access(there, os.W_OK)}
