"""What is opened ahead is opened once, and tried again where it could not be."""

from __future__ import annotations

import threading

import pytest

from makar.kit.ahead import Ahead
from makar.kit.errors import NotHere


def test_it_is_opened_once_while_other_things_are_done() -> None:
    begun, go_on = threading.Event(), threading.Event()
    opened = []

    def slow() -> str:
        begun.set()
        assert go_on.wait(30)
        opened.append(threading.current_thread().name)
        return "open"

    ahead = Ahead(slow)
    assert begun.wait(30), "nobody asked for it yet"
    go_on.set()
    assert [ahead.get(), ahead.get()] == ["open", "open"]
    assert len(opened) == 1 and opened[0] != threading.main_thread().name


def test_what_failed_is_raised_where_it_is_asked_for_and_tried_again() -> None:
    tries = iter([NotHere("ahead"), NotHere("not yet"), None])

    def opened() -> int:
        error = next(tries)
        if error is not None:
            raise error
        return 7

    ahead = Ahead(opened)
    with pytest.raises(NotHere, match="not yet"):
        ahead.get()
    assert ahead.get() == ahead.get() == 7


def test_what_is_not_begun_at_once_is_opened_where_it_is_asked_for() -> None:
    opened = []
    ahead = Ahead(lambda: opened.append(threading.current_thread()), at_once=False)
    assert not opened
    ahead.get()
    ahead.get()
    assert opened == [threading.current_thread()]
