"""Pictures that are read: what can be is normalised, what cannot is refused in one clear line. Pictures that are
written: read back they are what they were, and their bytes are always the same.
"""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from makar.codecs.picture import FORMS, encoded, form_named, on_ground, read_picture, resized, squared
from makar.kit.errors import BadInput, UnknownName


def drawn(side: int = 32) -> np.ndarray:
    """A disc with a soft edge on nothing."""
    rows, columns = np.indices((side, side)) - (side - 1) / 2
    away = np.hypot(rows, columns)
    pixels = np.zeros((side, side, 4), np.uint8)
    pixels[..., 0], pixels[..., 1], pixels[..., 2] = 200, np.arange(side) * 255 // side, 30
    pixels[..., 3] = (np.clip(side * 0.4 - away, 0, 1) * 255).round()
    pixels[pixels[..., 3] == 0] = 0
    return pixels


def file_of(image: Image.Image, form: str, **how: object) -> bytes:
    out = io.BytesIO()
    image.save(out, form, **how)
    return out.getvalue()


def huge_png(width: int, height: int) -> bytes:
    """A PNG that says it is that large and holds next to nothing."""
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize("form", ["png", "webp", "ico"])
def test_what_is_written_without_loss_is_read_back_and_is_the_same_bytes_each_time(form: str) -> None:
    pixels = drawn()
    data = encoded(pixels, form)
    assert data == encoded(pixels.copy(), form)
    assert np.array_equal(read_picture(data), pixels)


def test_jpeg_shows_white_where_nothing_is_painted() -> None:
    back = read_picture(encoded(drawn(), "jpeg"))
    assert (back[..., 3] == 255).all() and (back[0, 0, :3] >= 240).all()
    assert np.abs(back[..., :3].astype(int) - on_ground(drawn(), (255, 255, 255))[..., :3]).mean() < 3


def test_an_icon_file_holds_all_usual_sizes_up_to_its_own() -> None:
    icon = Image.open(io.BytesIO(encoded(drawn(64), "ico")))
    assert icon.info["sizes"] == {(16, 16), (32, 32), (48, 48), (64, 64)}
    with pytest.raises(BadInput, match="at most 256 px"):
        encoded(np.zeros((512, 512, 4), np.uint8), "ico")


def test_a_suffix_names_the_form() -> None:
    assert form_named(".JPG") is FORMS["jpeg"]
    with pytest.raises(UnknownName, match=r"suffix of a picture '.tiff'.*\.webp"):
        form_named(".tiff")


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "I;16"])
def test_every_usual_mode_becomes_rgba(mode: str) -> None:
    grey = Image.fromarray(np.tile(np.arange(0, 256, 16, dtype=np.uint8), (16, 1)))
    image = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257) if mode == "I;16" else grey.convert(mode)
    pixels = read_picture(file_of(image, "PNG"))
    assert pixels.shape == (16, 16, 4) and (pixels[..., 3] == 255).all()
    if mode in ("L", "LA", "RGB", "I;16"):
        assert np.array_equal(pixels[..., 0], np.asarray(grey))


def test_a_palette_with_transparency_keeps_it() -> None:
    image = Image.fromarray(drawn()).quantize(16)
    pixels = read_picture(file_of(image, "PNG"))
    assert pixels[0, 0].tolist() == [0, 0, 0, 0] and pixels[16, 16, 3] > 250


def test_a_picture_on_its_side_is_set_upright() -> None:
    image = Image.new("RGB", (20, 10), "red")
    exif = image.getexif()
    exif[0x0112] = 6
    assert read_picture(file_of(image, "JPEG", exif=exif)).shape == (20, 10, 4)


def test_a_wrong_suffix_does_not_matter_for_the_bytes_tell() -> None:
    assert read_picture(encoded(drawn(), "webp"), "'dragon.png'").shape == (32, 32, 4)


BAD = {
    "empty": (b"", "is empty"),
    "text": (b"not a picture at all", "no picture that can be read"),
    "svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "is a drawing"),
    "postscript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\nshowpage\n", "no picture that can be read"),
    "cut short": (file_of(Image.fromarray(drawn()), "PNG")[:300], "damaged or cut short"),
    "a JPEG cut short": (file_of(Image.new("RGB", (64, 64)), "JPEG")[:400], "damaged or cut short"),
    "30,000 px": (huge_png(30_000, 30_000), "at most"),
    "long and thin": (huge_png(30_000, 1), "30,000 x 1 px"),
    "a bomb": (huge_png(16_000, 16_000), "would unpack to far more"),
    "animated": (file_of(Image.new("RGB", (8, 8), "red"), "GIF", save_all=True,
                         append_images=[Image.new("RGB", (8, 8), "blue")]), "animated.*2 of them"),
    "cmyk": (file_of(Image.new("CMYK", (8, 8)), "JPEG"), "CMYK"),
    "floats": (file_of(Image.new("F", (8, 8)), "TIFF"), "mode F"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_read_is_refused_in_one_line_that_names_it(case: str) -> None:
    data, says = BAD[case]
    with pytest.raises(BadInput, match=says) as caught:
        read_picture(data, "'in.png'")
    assert str(caught.value).startswith("'in.png'") and "\n" not in str(caught.value)


def test_resizing_does_not_bring_colour_in_from_what_is_not_there() -> None:
    pixels = drawn(64)
    pixels[pixels[..., 3] > 0, :3] = (250, 10, 10)
    small = resized(pixels, 24)
    assert small[small[..., 3] > 40][:, 0].min() > 240
    assert (small[small[..., 3] == 0] == 0).all()


def test_a_square_holds_the_whole_picture_and_small_ones_grow_by_whole_pixels() -> None:
    wide = np.full((8, 16, 4), 255, np.uint8)
    square = squared(wide, 32)
    assert square.shape == (32, 32, 4) and (square[8:24] == 255).all() and (square[:8] == 0).all()
    assert squared(np.full((100, 50, 4), 9, np.uint8), 32).shape == (32, 32, 4)
