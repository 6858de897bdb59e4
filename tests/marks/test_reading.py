"""The payload of a picture that was found: read right, or said to be in doubt."""

from __future__ import annotations

import io

import numpy as np
import pytest
from drawn_pictures import encoded, icon, key, on_ground, resized
from PIL import Image

from makar.codecs.picture import glance
from makar.marks.alignment import Alignment, Plane, best_alignment, plane, polished
from makar.marks.image import LEAST_PSNR_DB, MOST_DOUBT, detect, embed, psnr_db
from makar.marks.reading import payload_in
from makar.marks.waves import waves_of


def found_in(data: bytes, waves):
    seen = plane(np.asarray(glance(data)))
    return seen, polished(waves, seen, best_alignment(waves, seen))


@pytest.mark.parametrize("payload", [0, 1, 0x0000FFFF, 0xFFFF0000, 0xFFFFFFFF, 0x12345678])
def test_every_half_is_read_after_jpeg(payload):
    found = detect(encoded(embed(icon(128), key(), payload), "JPEG", quality=75), keys=[key()])
    assert found.payload == f"{payload:08x}"


def test_a_payload_is_read_where_the_picture_was_cut_and_enlarged():
    marked = resized(embed(icon(256, 3), key(), 0xCAFEF00D), 1.3)[31:, 44:]
    assert detect(encoded(np.ascontiguousarray(marked)), keys=[key()]).payload == "cafef00d"


def test_what_is_known_of_the_mark_hides_less_of_what_is_not():
    waves, payload = waves_of(key()), 0xA5A5_5A5A
    seen, found = found_in(encoded(embed(icon(64), key(), payload)), waves)
    rest = seen.without(np.where(np.isin(np.arange(len(waves.phases)), waves.pilot), waves.phases, 0), found)
    for number in (0, 1):
        word = payload >> 16 * number & 0xFFFF
        assert waves.heights(rest.spectrum(1.0), number)[word] > waves.heights(seen.spectrum(1.0), number)[word]


def test_doubt_is_honest_where_there_is_nothing_to_read():
    """Told that a mark of some strength is there, the reader is sure of noise no oftener than it says, with room."""
    sure = 0
    for seed in range(60):
        seen = Plane(np.random.default_rng(seed).normal(0, 2, (64, 64)), 0, 0)
        sure += payload_in(waves_of(key()), seen, Alignment(1.0, 0.0, 0.0, 7.0, 1e-9))[1] <= MOST_DOUBT
    assert sure == 0


def test_of_many_weak_marks_none_is_read_wrongly():
    read = [(payload, detect(encoded(embed(icon(32, payload), key(), payload), "JPEG", quality=60),
                             keys=[key()]).payload) for payload in range(60)]
    assert all(found in (None, f"{payload:08x}") for payload, found in read)


@pytest.mark.parametrize(("form", "settings"), [
    ("PNG", {"save_all": True}), ("WEBP", {"save_all": True, "lossless": True}), ("GIF", {"save_all": True})])
def test_of_an_animated_picture_the_first_frame_is_looked_at(form, settings):
    frames = [Image.fromarray(embed(icon(128, seed), key(), 0xAB)) for seed in (1, 2)]
    file = io.BytesIO()
    frames[0].save(file, form, append_images=frames[1:], duration=100, **settings)
    found = detect(file.getvalue(), keys=[key()])
    assert found.found and found.payload in (("000000ab",) if form != "GIF" else ("000000ab", None))


def test_print_colours_grey_and_palettes_are_looked_at():
    marked = on_ground(Image.fromarray(embed(icon(256), key(), 0xAB)), (256, 256), (0, 0), "white")
    for mode, form in (("CMYK", "JPEG"), ("L", "PNG"), ("P", "PNG")):
        file = io.BytesIO()
        marked.convert(mode).save(file, form)
        assert detect(file.getvalue(), keys=[key()]).found, mode


@pytest.mark.parametrize("colour", [(0, 0, 0, 0), (255, 255, 255, 0), (0, 0, 0, 255), (255, 255, 255, 255),
                                    (255, 0, 0, 255), (0, 0, 0, 1)])
@pytest.mark.parametrize("shape", [(1, 1), (1, 200), (64, 64), (200, 128)])
def test_one_colour_takes_a_mark_or_stays(colour, shape):
    before = np.full((*shape, 4), colour, np.uint8)
    after = embed(before, key(), 0xAB)
    assert psnr_db(before, after) >= LEAST_PSNR_DB and (after[..., 3] == before[..., 3]).all()
    if colour[3] == 0:
        assert (after == before).all()
    found = detect(encoded(after), keys=[key()])
    assert found.payload in (None, "000000ab")
    if shape == (200, 128) and colour[3] == 255:
        assert found.found and found.payload == "000000ab"
