"""How many threads NumPy's products of matrices take."""

from __future__ import annotations

import functools
from contextlib import AbstractContextManager

from threadpoolctl import ThreadpoolController


@functools.cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()


def one_thread() -> AbstractContextManager[object]:
    """One, for as long as the context lasts: small products gain nothing from a second thread, threads that wait for
    each other on a shared processor lose much, and the bytes of a sum do not depend on how many there are.
    """
    limits: AbstractContextManager[object] = _controller().limit(limits=1, user_api="blas")
    return limits
