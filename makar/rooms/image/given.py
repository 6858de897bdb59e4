"""A picture to start from, opened at the size that it is drawn at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from makar.codecs.picture import Pixels, read_picture, squared
from makar.kit.errors import BadInput
from makar.rooms.image.request import Reference, decoded


@dataclass(frozen=True)
class Opened:
    """What a drawing starts from. free: where it may change (everywhere, if None). Shapes: (S, S, 4), (S, S)"""

    pixels: Pixels
    free: NDArray[np.bool_] | None


def opened(reference: Reference, side_px: int) -> Opened:
    """The picture and its mask, whole, in a square of that side.

    Raises: BadInput (no picture, or a mask of another size)
    """
    picture = read_picture(decoded(reference.picture), "the picture")
    pixels = squared(picture, side_px)
    if reference.mask is None:
        return Opened(pixels, None)
    mask = read_picture(decoded(reference.mask), "the mask")
    if mask.shape != picture.shape:
        raise BadInput(f"the mask is {mask.shape[1]} x {mask.shape[0]} px and the picture {picture.shape[1]} x "
                       f"{picture.shape[0]}; give a mask of the picture's size, white where it may change")
    light = squared(mask, side_px)
    return Opened(pixels, light[..., :3].mean(-1) * (light[..., 3] / 255) > 127)
