"""A picture request to pieces: each candidate is drawn alone, brought to its size, finished and handed on as a file."""

from __future__ import annotations

from collections.abc import Iterator

from makar.codecs.picture import resized
from makar.room import Piece
from makar.rooms.image.finish import finish
from makar.rooms.image.models.patchflow import PatchFlow, Pixels
from makar.rooms.image.request import ImageRequest

MOST_DRAWN_PX = 128
"""Pictures up to this side are enlarged here; what is larger is made of them by `finish`."""


def sample(model: PatchFlow, request: ImageRequest) -> Iterator[Piece]:
    """One piece for each candidate, as it is drawn.

    Raises: UnknownName (a style), BadInput, NotHere, NoNetwork, Damaged
    """
    for index, drawn in model.pictures(request):
        side_px = min(request.size_px, MOST_DRAWN_PX)
        rgba = grown(drawn, side_px) if request.style in model.looks.pixel else resized(drawn, side_px)
        yield Piece("", 0, index, "stop", data=finish(rgba, request, index))


def grown(pixels: Pixels, side_px: int) -> Pixels:
    """Every pixel repeated, so that hard pixels stay hard. Shapes: (S, S, 4) -> (side_px, side_px, 4)"""
    times = side_px // len(pixels)
    return pixels.repeat(times, 0).repeat(times, 1) if times > 1 else resized(pixels, side_px)
