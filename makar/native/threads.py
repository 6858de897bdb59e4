"""How many threads NumPy's products of matrices take."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from threadpoolctl import ThreadpoolController


class _Limit:
    """Holds for the whole process while anyone needs it, so that who is done first does not lift it for the others."""

    def __init__(self) -> None:
        self._lock, self._num_held = threading.Lock(), 0
        self._controller = ThreadpoolController()
        self._limits: Any = None

    def take(self) -> None:
        with self._lock:
            if not self._num_held:
                self._limits = self._controller.limit(limits=1, user_api="blas")
            self._num_held += 1

    def give_back(self) -> None:
        with self._lock:
            self._num_held -= 1
            if not self._num_held:
                self._limits.restore_original_limits()


@functools.cache
def _limit() -> _Limit:
    return _Limit()


@contextmanager
def one_thread() -> Iterator[None]:
    """One, for as long as the context lasts: small products gain nothing from a second thread, threads that wait for
    each other on a shared processor lose much, and the bytes of a sum do not depend on how many there are.
    """
    limit = _limit()
    limit.take()
    try:
        yield
    finally:
        limit.give_back()
