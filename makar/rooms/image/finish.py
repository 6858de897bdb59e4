"""The last steps of a picture."""

from __future__ import annotations

from makar.codecs.picture import Pixels, encoded
from makar.rooms.image.request import ImageRequest


def finish(rgba: Pixels, request: ImageRequest, index: int) -> bytes:
    """The file of one candidate. Shapes: (S, S, 4)"""
    return encoded(rgba, request.form)
