"""Picture files to RGBA pixels and back: what is read is looked at before it is unpacked, what is written is the same
bytes every time.
"""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from makar.kit.errors import BadInput, UnknownName

Pixels = NDArray[np.uint8]

MOST_BYTES = 64_000_000
MOST_SIDE_PX = 16_384
MOST_PIXELS = 40_000_000
MOST_SEEN_PIXELS = 64_000_000
ICON_SIDES_PX = (16, 32, 48, 64, 128, 256)
READ = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "ICO", "PPM")
"""What is read, by Pillow's names: readers that run nothing and fetch nothing."""

_JPEG_QUALITY = 95
_READABLE = "give a PNG, JPEG, WebP, GIF, BMP, TIFF or ICO"
_MODES = frozenset(("1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBX", "RGBa", "YCbCr", "LAB", "HSV", "I", "I;16",
                    "I;16B", "I;16L", "I;16N"))


@dataclass(frozen=True)
class Form:
    """How a picture is written. alpha: what is not painted can stay open; marks: it holds one picture of pixels"""

    name: str
    media_type: str
    suffixes: tuple[str, ...]
    alpha: bool = True
    marks: bool = True


FORMS = {form.name: form for form in (
    Form("png", "image/png", (".png",)),
    Form("webp", "image/webp", (".webp",)),
    Form("jpeg", "image/jpeg", (".jpg", ".jpeg"), alpha=False),
    Form("svg", "image/svg+xml", (".svg",), marks=False),
    Form("ico", "image/x-icon", (".ico",), marks=False),
)}


def form_named(suffix: str) -> Form:
    """The form that a file's suffix promises.

    Raises: UnknownName
    """
    for form in FORMS.values():
        if suffix.lower() in form.suffixes:
            return form
    raise UnknownName("suffix of a picture", suffix, [one for form in FORMS.values() for one in form.suffixes])


def is_drawing(data: bytes) -> bool:
    """Whether it is an SVG."""
    return data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<") and b"<svg" in data[:4096]


def opened(data: bytes, name: str = "the picture") -> Image.Image:
    """A picture as its file has it, unpacked, its size looked at before that.

    Raises: BadInput (in one line: empty, no picture, cut short, too large, animated)
    """
    if not data:
        raise BadInput(f"{name} is empty; {_READABLE}")
    if len(data) > MOST_BYTES:
        raise BadInput(f"{name} has {len(data):,} bytes; at most {MOST_BYTES:,} are read")
    if is_drawing(data):
        raise BadInput(f"{name} is a drawing (SVG), no picture of pixels; render it to a PNG first")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # sizes are looked at below, and remarks on tags change no pixel
            image = Image.open(io.BytesIO(data), formats=READ)
            _require_one_of_a_size(image, name)
            image.load()
    except UnidentifiedImageError as error:
        raise BadInput(f"{name} is no picture that can be read; {_READABLE}") from error
    except Image.DecompressionBombError as error:
        raise BadInput(f"{name} would unpack to far more than the {MOST_PIXELS:,} pixels that are read at most; scale "
                       "it down first") from error
    except (OSError, SyntaxError, ValueError, EOFError, IndexError) as error:
        raise BadInput(f"{name} is damaged or cut short ({error!s:.80}); save it anew") from error
    return image


def glance(data: bytes) -> Image.Image | None:
    """A file that may be any picture, as it is first seen: animated, in print colours, whatever. None where nothing can
    be seen of it, or it is too large.

    Shapes: RGBA
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=READ) as image:
                if image.width * image.height > MOST_SEEN_PIXELS:
                    return None
                return image.convert("RGBA")
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError, IndexError,
            Image.DecompressionBombError):
        return None


def _require_one_of_a_size(image: Image.Image, name: str) -> None:
    if max(image.size) > MOST_SIDE_PX or image.width * image.height > MOST_PIXELS:
        raise BadInput(f"{name} is {image.width:,} x {image.height:,} px; at most {MOST_SIDE_PX:,} a side and "
                       f"{MOST_PIXELS:,} in all are read; scale it down first")
    num_frames = getattr(image, "n_frames", 1)
    if num_frames > 1 and image.format != "MPO":  # a telephone's JPEG may carry a second picture of the same
        raise BadInput(f"{name} is animated or has pages: {num_frames} of them; give one as a picture of its own")


def read_picture(data: bytes, name: str = "the picture") -> Pixels:
    """RGBA as it is looked at: upright, 8 bits a channel, and 0 where nothing is painted.

    Shapes: -> (H, W, 4)
    Raises: BadInput (as `opened`; CMYK and other colours that need a printer's profile)
    """
    image = opened(data, name)
    if image.mode not in _MODES:
        colours = "is in CMYK, the colours of print" if image.mode == "CMYK" else f"has pixels of mode {image.mode}"
        raise BadInput(f"{name} {colours}; convert it to 8-bit RGB first")
    if image.mode.startswith("I"):  # 16 bits of grey; Pillow would cut them off at 255
        image = Image.fromarray((np.asarray(image).astype(np.uint32) >> 8).clip(0, 255).astype(np.uint8))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pixels = np.array(ImageOps.exif_transpose(image).convert("RGBA"))
    pixels[pixels[..., 3] == 0] = 0
    return pixels


def on_ground(pixels: Pixels, colour: tuple[int, int, int]) -> Pixels:
    """The picture on one colour, opaque. Shapes: (H, W, 4) -> (H, W, 4)"""
    opacity = pixels[..., 3:].astype(np.float32) / 255
    seen = pixels[..., :3] * opacity + np.asarray(colour, np.float32) * (1 - opacity)
    return np.concatenate((seen.round().astype(np.uint8), np.full_like(pixels[..., 3:], 255)), -1)


def encoded(pixels: Pixels, form: str) -> bytes:
    """The file of a picture: lossless but for JPEG, which shows what is not painted as white; an icon holds every
    usual size up to the picture's own.

    Shapes: (H, W, 4)
    Raises: BadInput (too large for an icon)
    """
    out = io.BytesIO()
    if form == "png":
        Image.fromarray(pixels).save(out, "PNG", optimize=True)
    elif form == "webp":
        Image.fromarray(pixels).save(out, "WEBP", lossless=True, exact=True, quality=80, method=4)
    elif form == "jpeg":
        seen = np.ascontiguousarray(on_ground(pixels, (255, 255, 255))[..., :3])
        Image.fromarray(seen).save(out, "JPEG", quality=_JPEG_QUALITY, subsampling=0, optimize=True)
    else:
        assert form == "ico", f"{form} is not encoded here"
        _write_icon(pixels, out)
    return out.getvalue()


def _write_icon(pixels: Pixels, out: io.BytesIO) -> None:
    side = max(pixels.shape[:2])
    if side > ICON_SIDES_PX[-1]:
        raise BadInput(f"an icon file holds pictures of at most {ICON_SIDES_PX[-1]} px; this one has {side}: ask for "
                       f"--size {ICON_SIDES_PX[-1]}, or a PNG")
    sides = [one for one in ICON_SIDES_PX if one < side]
    smaller = [resized(pixels, one) for one in sides]
    Image.fromarray(pixels).save(out, "ICO", sizes=[(one, one) for one in [*sides, side]],
                                 append_images=[Image.fromarray(one) for one in smaller])


def resized(pixels: Pixels, side_px: int) -> Pixels:
    """The picture at another size, colours weighed by their opacity, or edges take on the colour of what is not there.

    Shapes: (S, S, 4) -> (side_px, side_px, 4)
    """
    if pixels.shape[:2] == (side_px, side_px):
        return pixels
    kind = Image.Resampling.BOX if side_px * 2 <= len(pixels) else Image.Resampling.BICUBIC
    image = Image.fromarray(pixels).convert("RGBa").resize((side_px, side_px), kind).convert("RGBA")
    found = np.array(image)
    found[found[..., 3] == 0] = 0
    return found


def squared(pixels: Pixels, side_px: int) -> Pixels:
    """The whole picture, scaled to stand in the middle of a square of that side.

    Shapes: (H, W, 4) -> (side_px, side_px, 4)
    """
    side = max(pixels.shape[:2])
    canvas = np.zeros((side, side, 4), np.uint8)
    top, start = ((side - length) // 2 for length in pixels.shape[:2])
    canvas[top:top + pixels.shape[0], start:start + pixels.shape[1]] = pixels
    if side_px % side == 0:  # a small picture grows by whole pixels, and stays as crisp as it is
        return canvas.repeat(side_px // side, 0).repeat(side_px // side, 1)
    return resized(canvas, side_px)
