"""Runs a room on a request: as pieces while they are made, or as whole artifacts."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Any

from makar.generate.artifact import Artifact, new_id, this_platform
from makar.generate.load import load
from makar.kit.config import to_json
from makar.kit.content import Content
from makar.room import Piece, Room


def make(room: Room, request: Any) -> Iterator[Piece]:
    """The pieces of every candidate of `request`, as the model makes them.

    Raises: BadInput, UnknownName, and what the store raises
    """
    yield from room.sample(model_of(room, request), request)


def model_of(room: Room, request: Any) -> Any:
    """The model that a request asks for, run as it asks.

    Raises: as `load`
    """
    return load(room, request.model, None if room.usual is None else request.runtime)


def artifacts(room: Room, request: Any) -> list[Artifact]:
    """Every candidate of `request`, whole, in order.

    Raises: as `make`
    """
    start_s = time.monotonic()
    pieces = list(make(room, request))
    return collect(room, request, pieces, seconds=time.monotonic() - start_s)


def computed_by(room: Room, model: Any, request: Any) -> dict[str, Any]:
    """What can change the bytes of a work besides request and weights: the machine, and how the model runs on it."""
    arithmetic = {} if room.usual is None else {"arithmetic": model.arithmetic}
    return this_platform(*room.libraries(model, request)) | arithmetic


def content_of(pieces: Iterable[Piece]) -> Content:
    """The content of one candidate: its parts of text in a row, or the file that it is."""
    found = list(pieces)
    whole = next((piece.data for piece in found if piece.data is not None), None)
    return "".join(piece.text for piece in found) if whole is None else whole


def collect(room: Room, request: Any, pieces: Iterable[Piece], *, seconds: float) -> list[Artifact]:
    """Joins pieces into one artifact per candidate. A candidate whose last piece is missing was interrupted."""
    groups: dict[int, list[Piece]] = {index: [] for index in range(request.n)}
    for piece in pieces:
        groups.setdefault(piece.index, []).append(piece)
    model = model_of(room, request)
    checkpoint = {"name": model.name, "sha256": model.sha256, "training_data": model.training_data}
    written, machine = to_json(request), computed_by(room, model, request)
    return [
        Artifact(
            id=new_id(),
            room=room.name,
            media_type=room.media_type(request),
            content=content_of(group),
            request=written,
            checkpoint=checkpoint,
            seed=request.sampling.seed + index,
            finish=next((piece.finish for piece in reversed(group) if piece.finish), "interrupted"),
            num_tok=sum(piece.num_tok for piece in group),
            seconds=seconds,
            platform=machine,
            logprobs=tuple(entry for piece in group for entry in piece.logprobs),
            mark=room.marked(request, index),
        )
        for index, group in sorted(groups.items())
    ]
