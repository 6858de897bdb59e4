"""Pictures of the user's own: read safely, and written into a request so that it is whole without their files."""

from __future__ import annotations

import base64
from pathlib import Path

from makar.codecs.picture import MOST_BYTES, Pixels, encoded, read_picture, squared
from makar.kit.errors import BadInput, NotHere
from makar.rooms.image import Reference

MOST_PX = 512
"""A picture rides in a request at no more than this side; what draws from it sees less."""


def read(picture: str | Path | bytes, name: str = "the picture") -> Pixels:
    """The pixels of a file, or of its bytes.

    Shapes: -> (H, W, 4)
    Raises: NotHere, BadInput
    """
    if isinstance(picture, bytes):
        return read_picture(picture, name)
    path = Path(picture)
    try:
        if path.is_dir():
            raise BadInput(f"'{path}' is a folder; name a picture in it")
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except FileNotFoundError as error:
        raise NotHere(f"there is no picture '{path}'") from error
    except OSError as error:
        raise BadInput(f"'{path}' cannot be read: {error.strerror}") from error
    return read_picture(data, f"'{path}'")


def riding(pixels: Pixels, mask: Pixels | None = None, strength: float = 0.6) -> Reference:
    """The picture as a request carries it: in the middle of a square. `mask` is as large as the picture.

    Shapes: both (H, W, 4)
    Raises: BadInput (a mask of another size, a strength out of range)
    """
    if mask is not None and mask.shape != pixels.shape:
        raise BadInput(f"the mask is {mask.shape[1]} x {mask.shape[0]} px and the picture {pixels.shape[1]} x "
                       f"{pixels.shape[0]}; give a mask of the picture's size, white where it may change")
    side = min(MOST_PX, max(pixels.shape[:2]))
    return Reference(_written(squared(pixels, side)), strength, None if mask is None else _written(squared(mask, side)))


def _written(pixels: Pixels) -> str:
    return base64.b64encode(encoded(pixels, "png")).decode()
