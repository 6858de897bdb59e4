"""Many pictures in one: a contact sheet on a quiet chequered ground, so that transparency shows."""

from __future__ import annotations

import io
import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SQUARE_PX = 8


def contact_sheet(pictures: NDArray[np.uint8], num_columns: int | None = None, gap_px: int = 4) -> NDArray[np.uint8]:
    """Rows of pictures, as near to a square as can be where no number of columns is given.

    Shapes: (N, S, S, 4) -> (H, W, 4)
    """
    num, side = len(pictures), pictures.shape[1]
    columns = num_columns or math.ceil(math.sqrt(num))
    rows, step = -(-num // columns), side + gap_px
    sheet = np.zeros((rows * step + gap_px, columns * step + gap_px, 4), np.uint8)
    for index, picture in enumerate(pictures):
        top, left = index // columns * step + gap_px, index % columns * step + gap_px
        sheet[top:top + side, left:left + side] = picture
    return sheet


def on_chequers(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """An RGBA picture on light grey squares. Shapes: (H, W, 4) -> (H, W, 3)"""
    rows, columns = np.indices(pixels.shape[:2]) // SQUARE_PX
    ground = np.where((rows + columns) % 2, 255, 238)[..., None]
    opacity = pixels[..., 3:].astype(np.float32) / 255
    found: NDArray[np.uint8] = (pixels[..., :3] * opacity + ground * (1 - opacity)).round().astype(np.uint8)
    return found


def png(pixels: NDArray[np.uint8]) -> bytes:
    """Shapes: (H, W, 3 or 4)"""
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG", optimize=True)
    return out.getvalue()
