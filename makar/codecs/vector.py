"""Pixels to SVG and back: smooth shapes of few colours through vtracer, pixel art as exact rectangles, both rendered
again (resvg) to say how far they are from the pixels.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from makar.codecs.picture import Pixels, is_drawing, opened, read_picture
from makar.kit.errors import BadInput, NotHere

CLOSE_FRAC = 0.02
COLOURS = (4, 8, 16, 32, 64)
"""Tried in this order until the drawing renders within CLOSE_FRAC of the pixels, or more of them no longer pay."""
LEAST_GAIN_FRAC = 0.2
"""Twice the colours are about twice the bytes; the error must fall by this share for it."""
MOST_SVG_BYTES = 8_000_000
_TRACED_PX = 256
_OPAQUE = 128
_SMOOTHED_PX = 5
_PATH = re.compile(r"<path [^<>]*/>")


@dataclass(frozen=True)
class Vector:
    """A drawing. error_frac: the mean difference of a channel from the pixels it was made of, rendered at their size"""

    svg: bytes
    error_frac: float


def vectorised(pixels: Pixels, *, crisp: bool = False, side_px: int = 256) -> Vector:
    """The picture as SVG that scales. crisp: pixel art, each pixel a square; its opacity stays, other edges are hard.
    side_px: the size that it is shown at where nothing else is said

    Shapes: (S, S, 4)
    Raises: NotHere (vtracer or resvg is not installed)
    """
    if crisp:
        return _measured(pixels, (len(pixels), side_px), "".join(_rectangles(pixels)))
    best = None
    for num_colours in COLOURS:
        tried = _measured(pixels, (_TRACED_PX, side_px), _traced(_flat(pixels, num_colours)))
        if best is not None and tried.error_frac > best.error_frac * (1 - LEAST_GAIN_FRAC):
            break
        best = tried
        if best.error_frac <= CLOSE_FRAC:
            break
    assert best is not None
    return best


def rendered(svg: bytes, side_px: int) -> Pixels:
    """The drawing as pixels; it loads nothing from elsewhere.

    Shapes: -> (side_px, side_px, 4), for a square drawing
    Raises: BadInput (no SVG, or too large a one), NotHere (resvg is not installed)
    """
    try:
        import resvg_py
    except ImportError as error:
        raise NotHere("drawings need resvg-py; install it with: pip install resvg-py") from error
    if len(svg) > MOST_SVG_BYTES:
        raise BadInput(f"a drawing of {len(svg):,} bytes is too large; at most {MOST_SVG_BYTES:,} are read")
    try:
        png = bytes(resvg_py.svg_to_bytes(svg_string=svg.decode(), width=side_px, height=side_px,
                                          skip_system_fonts=True))
    except (ValueError, UnicodeDecodeError) as error:
        raise BadInput(f"no drawing that can be rendered ({error!s:.100})") from error
    return np.array(opened(png).convert("RGBA"))


def pixels_of(data: bytes) -> Pixels:
    """The pixels of a picture file; of a drawing, as it is rendered.

    Shapes: -> (H, W, 4)
    Raises: BadInput, NotHere (resvg is not installed)
    """
    return rendered(data, _TRACED_PX) if is_drawing(data) else read_picture(data)


def difference_frac(one: Pixels, other: Pixels) -> float:
    """The mean difference of a channel, colours weighed by their opacity. Shapes: both (H, W, 4)"""
    return float(np.abs(_weighed(one) - _weighed(other)).mean())


def _weighed(pixels: Pixels) -> NDArray[np.float32]:
    values = pixels.astype(np.float32) / np.float32(255)
    values[..., :3] *= values[..., 3:]
    return values


def _measured(pixels: Pixels, sides: tuple[int, int], shapes: str) -> Vector:
    """sides: of the drawing's own units, and in pixels"""
    units, side_px = sides

    def drawing(said: str) -> bytes:
        return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {units} {units}" width="{side_px}" '
                f'height="{side_px}">{said}{shapes}</svg>\n').encode()

    error_frac = difference_frac(rendered(drawing(""), len(pixels)), pixels)
    return Vector(drawing(f"<desc>Traced from {len(pixels)} px; rendered at that size a channel differs by "
                          f"{error_frac:.1%} on average.</desc>"), error_frac)


def _flat(pixels: Pixels, num_colours: int) -> Pixels:
    """A larger picture of few colours and hard edges, its ragged borders smoothed: what can be traced cleanly."""
    image = Image.fromarray(pixels).convert("RGBa").resize((_TRACED_PX, _TRACED_PX), Image.Resampling.BICUBIC)
    large = np.array(image.convert("RGBA"))
    painted = large[..., 3] >= _OPAQUE
    flat = np.zeros_like(large)
    if not painted.any():
        return flat
    chosen = Image.fromarray(large[painted][None, :, :3]).quantize(num_colours, Image.Quantize.MEDIANCUT, kmeans=2)
    indexed = Image.fromarray(np.ascontiguousarray(large[..., :3])).quantize(palette=chosen, dither=Image.Dither.NONE)
    numbers = Image.fromarray((np.asarray(indexed) + 1) * painted.astype(np.uint8))
    smooth = np.asarray(numbers.filter(ImageFilter.ModeFilter(_SMOOTHED_PX)))
    palette = np.asarray(chosen.getpalette(), np.uint8).reshape(-1, 3)
    flat[smooth > 0, :3], flat[smooth > 0, 3] = palette[smooth[smooth > 0] - 1], 255
    return flat


def _traced(flat: Pixels) -> str:
    try:
        import vtracer
    except ImportError as error:
        raise NotHere("drawings of pixels need vtracer; install it with: pip install vtracer") from error
    if not flat[..., 3].any():
        return ""
    svg = vtracer.convert_pixels_to_svg(
        [tuple(pixel) for pixel in flat.reshape(-1, 4).tolist()], size=(flat.shape[1], flat.shape[0]),
        colormode="color", hierarchical="stacked", mode="spline", filter_speckle=8, color_precision=8,
        layer_difference=0, corner_threshold=60, length_threshold=8.0, max_iterations=10, splice_threshold=45,
        path_precision=1)
    return "".join(_PATH.findall(svg))


def _rectangles(pixels: Pixels) -> Iterator[str]:
    """One path for every colour, of rectangles as wide and then as high as they can be."""
    left = pixels[..., 3] > 0
    colours, numbers = np.unique(pixels.reshape(-1, 4), axis=0, return_inverse=True)
    grid = numbers.reshape(left.shape)
    paths: dict[int, list[str]] = {}
    for row, column in zip(*np.nonzero(left), strict=True):
        if not left[row, column]:
            continue
        same = (grid == grid[row, column]) & left
        width = _run(same[row, column:])
        height = _run(same[row:, column:column + width].all(1))
        left[row:row + height, column:column + width] = False
        paths.setdefault(int(grid[row, column]), []).append(f"M{column} {row}h{width}v{height}h-{width}z")
    for number, path in paths.items():
        red, green, blue, alpha = colours[number].tolist()
        opacity = "" if alpha == 255 else f' fill-opacity="{alpha / 255:.3f}"'
        yield f'<path fill="#{red:02x}{green:02x}{blue:02x}"{opacity} d="{"".join(path)}"/>'


def _run(same: NDArray[np.bool_]) -> int:
    """How many are true from the start on."""
    return len(same) if same.all() else int(same.argmin())
