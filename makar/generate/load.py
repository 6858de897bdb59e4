"""Names to models, each loaded once in a process."""

from __future__ import annotations

import threading
from typing import Any

from makar import store
from makar.room import Room

TINY = "tiny"
"""The name of the model every room builds at once and without a download; its weights are random."""

_models: dict[tuple[Any, str], Any] = {}
_lock = threading.Lock()


def load(room: Room, name: str | None) -> Any:
    """The room's model of that name, pulled and converted if need be; None is the default for this machine.

    Raises: UnknownName, NoNetwork, Damaged, OutOfRoom
    """
    with _lock:
        if name == TINY:
            return _once(room, TINY, None)
        stored = store.stored(name)
        return _once(room, stored.sha256, stored)


def _once(room: Room, identity: str, stored: store.StoredModel | None) -> Any:
    key = (room.build, identity)
    if key not in _models:
        _models[key] = room.build(stored)
    return _models[key]


def forget() -> None:
    """Lets go of every model, so that its memory can be used for something else."""
    with _lock:
        _models.clear()
