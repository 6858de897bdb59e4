"""Drawings to RGBA pixels of one size: SVG through resvg, raster pictures through Pillow."""

from __future__ import annotations

import io
import warnings

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from makar.kit.errors import BadInput, NotHere

MOST_PIXELS = 40_000_000


def render(content: str | bytes, size_px: int) -> NDArray[np.uint8]:
    """A square picture in which the drawing stands whole and in the middle; what is not painted is 0 throughout.

    Shapes: -> (size_px, size_px, 4)
    Raises: BadInput (no picture, or too large a one), NotHere (resvg is not installed)
    """
    image = Image.open(io.BytesIO(_svg(content, size_px))) if isinstance(content, str) else opened(content)
    return squared(image.convert("RGBA"), size_px)


def squared(image: Image.Image, size_px: int) -> NDArray[np.uint8]:
    """An RGBA picture scaled to fit a square: by whole pixels where it is smaller, by areas where it is larger."""
    longest = max(image.size)
    if longest != size_px:
        grows = size_px % longest == 0
        ratio = size_px / longest
        size = (max(1, round(image.width * ratio)), max(1, round(image.height * ratio)))
        # Colours are weighted by their opacity, or the edges take on the colour of what is not there.
        image = image.resize(size, Image.Resampling.NEAREST) if grows else \
            image.convert("RGBa").resize(size, Image.Resampling.BOX if ratio < 0.5 else
                                         Image.Resampling.BICUBIC).convert("RGBA")
    canvas = Image.new("RGBA", (size_px, size_px))
    canvas.paste(image, ((size_px - image.width) // 2, (size_px - image.height) // 2))
    pixels = np.array(canvas)
    pixels[pixels[..., 3] == 0] = 0
    return pixels


def opened(data: bytes) -> Image.Image:
    """A raster picture's first frame, its size looked at before it is unpacked.

    Raises: BadInput
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(data))
        if image.width * image.height > MOST_PIXELS:
            raise BadInput(f"a picture of {image.width:,} x {image.height:,} pixels is too large; at most "
                           f"{MOST_PIXELS:,} pixels are read")
        image.load()
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError) as error:
        raise BadInput(f"no picture that can be read ({error!s:.100})") from error
    return image


def _svg(text: str, size_px: int) -> bytes:
    try:
        import resvg_py
    except ImportError as error:
        raise NotHere("drawings need resvg-py; install it with: pip install resvg-py") from error
    try:
        return bytes(resvg_py.svg_to_bytes(svg_string=text, width=size_px, height=size_px, skip_system_fonts=True))
    except ValueError as error:
        raise BadInput(f"no drawing that can be rendered ({error!s:.100})") from error
