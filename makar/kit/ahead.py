"""What takes long to open, opened while other things are done."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

T = TypeVar("T")


class Ahead(Generic[T]):
    """Opens by a thread of its own from the moment it is made, or, if not at once, when it is asked for. What could not
    be opened is tried again when it is asked for. The thread is waited for when the program ends: what it runs may not
    be cut off.
    """

    def __init__(self, opened: Callable[[], T], at_once: bool = True) -> None:
        self._opened, self._lock = opened, threading.Lock()
        self._future: Future[T] | None = Future() if at_once else None
        if self._future is not None:
            threading.Thread(target=self._run, args=(self._future,), name="opens ahead").start()

    def get(self) -> T:
        """What was opened.

        Raises: as what opens it
        """
        with self._lock:
            future = self._future
            if future is None or future.exception() is not None:  # that was before, perhaps before a download
                future = self._future = Future()
                self._run(future)
            return future.result()

    def _run(self, future: Future[T]) -> None:
        try:
            future.set_result(self._opened())
        except Exception as error:  # noqa: BLE001 - it is tried again, and then raised, where it is asked for
            future.set_exception(error)
