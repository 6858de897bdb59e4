"""Names to models, each loaded once in a process."""

from __future__ import annotations

import threading
from collections.abc import Hashable
from typing import Any

from makar import store
from makar.room import Room

TINY = "tiny"
"""The name of the model every room builds at once and without a download; its weights are random."""

_models: dict[Hashable, Any] = {}
_lock = threading.Lock()


def load(room: Room, name: str | None, runtime: Hashable = None) -> Any:
    """The room's model of that name, pulled and converted if need be; None is the default for this machine.

    Weights and how they are run decide what model they are, so rooms that are given the same share one model.

    Raises: UnknownName, NoNetwork, Damaged, OutOfRoom, BadInput (the model cannot run like that)
    """
    runtime = room.usual if runtime is None else runtime
    with _lock:
        stored = None if name == TINY else store.stored(name)
        key: Hashable = (room.name, TINY) if stored is None else (stored.sha256, runtime)
        if key not in _models:
            _models[key] = room.build(stored) if stored is None or runtime is None else room.build(stored, runtime)
        return _models[key]


def forget() -> None:
    """Lets go of every model, so that its memory can be used for something else."""
    with _lock:
        _models.clear()
