"""What a room is: one modality, described by a handful of functions. Rooms never import rooms."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from makar.kit import plugins


@dataclass(frozen=True)
class Piece:
    """A part of a content as it is made. `index` tells the candidates of one request apart.

    `finish` is set on the last piece of a candidate: stop, length, or interrupted.
    `data` is the whole content of a candidate that is no text: the bytes of a file.
    """

    text: str
    num_tok: int = 0
    index: int = 0
    finish: str | None = None
    logprobs: tuple[Mapping[str, Any], ...] = ()
    data: bytes | None = None


def _no_mark(request: Any, index: int) -> Mapping[str, str]:
    return {"not_marked": "there is no mark for this kind of work"}


def _torch(model: Any, request: Any) -> tuple[str, ...]:
    return ("torch",)


@dataclass(frozen=True)
class Room:
    """One modality.

    marked:  (request, candidate's index) -> what the record says of the mark: its scheme and key id, or why there is
    none
    request: the frozen dataclass that a request to this room is
    build:   (model folder in the store, or None for `tiny`) -> a model that `sample` understands
    sample:  (model, request) -> pieces of every candidate, as they are made
    libraries: (model, request) -> the packages that compute a work, whose versions can change its bytes
    usual:   how its models run where nothing else is asked. A room that has one takes another as `build`'s second
    argument, its requests have a `runtime`, and its models an `arithmetic` for the record.
    """

    name: str
    request: type
    build: Callable[..., Any]
    sample: Callable[[Any, Any], Iterator[Piece]]
    media_type: Callable[[Any], str]
    marked: Callable[[Any, int], Mapping[str, str]] = _no_mark
    models: tuple[str, ...] = field(default=())
    libraries: Callable[[Any, Any], tuple[str, ...]] = _torch
    usual: Hashable = None


def room(name: str) -> Room:
    """The room of that name.

    Raises: UnknownName
    """
    found: Room = plugins.load("makar.rooms", name, "ROOM", group="makar.rooms")
    return found
