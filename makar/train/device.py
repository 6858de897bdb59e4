"""Where a run computes, in which precision, and how fast that place can multiply at best."""

from __future__ import annotations

import ctypes
import importlib.util
import shutil
import time

import torch

from makar.kit.errors import NotHere
from makar.nets.linear import has_bf16_units
from makar.nets.transformer import Config

LEAST_COMPILED_FLOPS = 3e13
"""Minutes of two cores: compiling takes seconds, and twenty the first time."""
LEAST_COMPILED_MINUTES = 2.0
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of mallopt(3)


def pick_device(name: str) -> torch.device:
    """The device of that name; `auto` is the first GPU, else the processor.

    Raises: NotHere
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise NotHere("no CUDA GPU can be used here; train with --device cpu")
    return torch.device(name)


def keep_memory() -> None:
    """Lets this process keep what a step frees for the next one: pages that go back to the kernel are cleared again at
    every step, which took a tenth of its time. Does nothing where the C library is not glibc.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, 1 << 30)
        mallopt(_TRIM_THRESHOLD, (1 << 31) - 1)


def pick_precision(name: str, device: torch.device) -> str:
    """bf16 where the device multiplies it natively, else fp32; the weights that move stay fp32 either way."""
    if name != "auto":
        return name
    native = torch.cuda.is_bf16_supported() if device.type == "cuda" else has_bf16_units()
    return "bf16" if native else "fp32"


def pick_compile(asked: bool | None, device: torch.device, work_flops: float, minutes: float | None = None) -> bool:
    """Whether each kind of block is compiled: where it can be, and the run is long enough to win the time back.

    Raises: NotHere (asked for, and there is no compiler)
    """
    able = importlib.util.find_spec("triton") is not None if device.type == "cuda" else any(
        map(shutil.which, ("g++", "clang++", "c++")))
    if asked and not able:
        raise NotHere("compiling needs a C++ compiler (on a GPU: triton), and there is none here; leave out "
                      "--set compile=true")
    if asked is not None:
        return asked
    return able and work_flops >= LEAST_COMPILED_FLOPS and (minutes is None or minutes >= LEAST_COMPILED_MINUTES)


def dtype_of(precision: str) -> torch.dtype:
    """The torch type of a precision."""
    return torch.bfloat16 if precision == "bf16" else torch.float32


def matmul_ceiling(device: torch.device, dtype: torch.dtype, seconds: float = 0.5) -> float:
    """The best rate of a large square product on this device now, over about `seconds`.

    Units: floating-point operations per second
    """
    size = 8192 if device.type == "cuda" else 1024
    a = torch.randn(size, size, dtype=dtype, device=device)
    b = torch.randn(size, size, dtype=dtype, device=device)
    best_s, until_s = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < until_s or best_s == float("inf"):
        synchronise(device)
        start_s = time.perf_counter()
        torch.mm(a, b)
        synchronise(device)
        best_s = min(best_s, time.perf_counter() - start_s)
    return 2 * size**3 / best_s


def synchronise(device: torch.device) -> None:
    """Waits until the device has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def flops_per_token(config: Config, context_tok: int) -> float:
    """Products of one token's forward and backward pass: six per weight that is multiplied, and attention in full.

    Source: Chowdhery et al. 2022, arXiv:2204.02311, appendix B
    """
    width = config.num_heads * config.head_dim
    block = config.dim * (width + 2 * config.num_kv_heads * config.head_dim) + width * config.dim \
        + 3 * config.dim * config.hidden_dim
    return 6.0 * (config.num_layers * block + config.dim * config.vocab_size) \
        + 12.0 * config.num_layers * width * context_tok
