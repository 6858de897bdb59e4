"""The compiled kernel as a file: whether it is here, and by which paths this processor can run it."""

from __future__ import annotations

import ctypes
import functools
import importlib.machinery
import os
from ctypes import c_int, c_int64, c_void_p
from pathlib import Path

PATHS = ("avx512vnni", "avx2", "generic")
"""Fastest first; the kernel counts from the last."""
ERRORS = ("", "this processor has no such path", "a matrix", "the model", "the cache", "the rows", "not enough memory",
          "the process was forked after its threads had started")


@functools.cache
def library() -> ctypes.CDLL | None:
    """The compiled kernel; None where there is none that this machine can load."""
    return None if why_not() else _typed(ctypes.CDLL(str(_file())))


@functools.cache
def why_not() -> str | None:
    """Why there is no kernel here; None where there is one."""
    found = _file()
    if found is None:
        return "there was no C++ compiler when makar was installed"
    try:
        ctypes.CDLL(str(found))
    except OSError as failure:
        return f"{found.name} cannot be loaded: {failure}"
    return None


def _file() -> Path | None:
    files = (Path(__file__).with_name(f"_kernel{suffix}") for suffix in importlib.machinery.EXTENSION_SUFFIXES)
    return next((file for file in files if file.exists()), None)


def _typed(found: ctypes.CDLL) -> ctypes.CDLL:
    found.makar_open.restype = c_void_p
    for function, arguments in ((found.makar_has_path, (c_int,)), (found.makar_open, (c_int,)),
                                (found.makar_close, (c_void_p,)),
                                (found.makar_forward, (c_void_p, c_int, c_void_p, c_void_p, c_void_p)),
                                (found.makar_multiply, (c_void_p, c_int, c_void_p, c_void_p, c_int64, c_void_p)),
                                (found.makar_multiply_bytes, (c_int, c_void_p, c_void_p, c_int64, c_void_p, c_int)),
                                (found.makar_draw, (c_int, c_void_p, c_void_p, c_void_p, c_int64, c_int64, c_int)),
                                (found.makar_read, (c_void_p, c_int, c_void_p, c_int64, c_void_p))):
        function.argtypes = arguments
    return found


def has_path(path: str) -> bool:
    """Whether the kernel is here and this processor can run it by this path."""
    found = library()
    return found is not None and path in PATHS and bool(found.makar_has_path(path_number(path)))


@functools.cache
def num_cores() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0))


def path_number(path: str) -> int:
    """What the kernel calls a path."""
    return len(PATHS) - 1 - PATHS.index(path)


@functools.cache
def fastest_path() -> str | None:
    """The fastest path here; None where there is no kernel."""
    return next((path for path in PATHS if has_path(path)), None)
