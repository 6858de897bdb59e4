"""A picture request to pieces: each candidate is drawn alone, finished and handed on as a file."""

from __future__ import annotations

from collections.abc import Iterator

from makar.room import Piece
from makar.rooms.image.finish import finish
from makar.rooms.image.models import PictureModel
from makar.rooms.image.request import ImageRequest


def sample(model: PictureModel, request: ImageRequest) -> Iterator[Piece]:
    """One piece for each candidate, as it is drawn.

    Raises: UnknownName (a style), BadInput, NotHere, NoNetwork, Damaged
    """
    for index, drawn in model.pictures(request):
        yield Piece("", 0, index, "stop", data=finish(drawn, request, index))
