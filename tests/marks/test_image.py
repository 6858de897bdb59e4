"""Picture marks: faint, whole where the picture is kept, absent where nobody put them."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest
from drawn_pictures import encoded, icon, key, on_ground, resized
from PIL import Image

from makar.kit.errors import BadInput
from makar.marks import mark_of
from makar.marks.image import (
    LEAST_PSNR_DB,
    MARK,
    SCHEME,
    THRESHOLD,
    detect,
    embed,
    payload_of,
    psnr_db,
    statement,
    written,
)

PAYLOAD = 0xDEADBEEF


def marked(size_px: int = 256, seed: int = 0):
    return embed(icon(size_px, seed), key(), PAYLOAD)


@pytest.mark.parametrize("size_px", [32, 64, 128, 256])
def test_a_mark_is_faint_and_leaves_transparency_and_what_it_hides_alone(size_px):
    before = icon(size_px)
    after = embed(before, key(), PAYLOAD)
    assert LEAST_PSNR_DB <= psnr_db(before, after) < LEAST_PSNR_DB + 0.5
    assert (after[..., 3] == before[..., 3]).all()
    hidden = before[..., 3] == 0
    assert hidden.any() and (after[hidden] == before[hidden]).all()


def test_the_same_work_gives_the_same_bytes():
    assert (marked() == marked()).all()
    assert (embed(icon(64), key("one"), 1) != embed(icon(64), key("two"), 1)).any()


def test_a_marked_file_is_found_with_its_payload():
    found = detect(encoded(marked()), keys=[key("another"), key()])
    assert found.found and found.key == key().id and found.payload == "deadbeef" and found.p_value < 1e-20
    assert found.scheme == SCHEME and "payload deadbeef" in found.says


@pytest.mark.parametrize(("name", "attacked"), {
    "jpeg 75": lambda rgba: encoded(rgba, "JPEG", quality=75),
    "jpeg 50": lambda rgba: encoded(rgba, "JPEG", quality=50),
    "webp": lambda rgba: encoded(rgba, "WEBP", quality=75),
    "cut to half": lambda rgba: encoded(rgba[40:221, 33:214]),
    "half the size": lambda rgba: encoded(resized(rgba, 0.5)),
    "0.73 of the size": lambda rgba: encoded(resized(rgba, 0.73)),
    "twice the size": lambda rgba: encoded(resized(rgba, 2.0)),
    "darker, less contrast": lambda rgba: encoded(np.dstack(((rgba[..., :3] * 0.7 + 9).astype(np.uint8),
                                                             rgba[..., 3]))),
}.items())
def test_a_mark_survives_what_keeps_the_picture(name, attacked):
    found = detect(attacked(marked()), keys=[key()])
    assert found.found, (name, found.says)
    assert found.payload in ("deadbeef", None), name


def test_a_picture_on_a_screen_is_found():
    shown = Image.fromarray(resized(marked(), 1.2))
    file = io.BytesIO()
    on_ground(shown, (480, 450), (91, 60), (32, 34, 40)).save(file, "JPEG", quality=85)
    assert detect(file.getvalue(), keys=[key()]).found


def test_nothing_is_found_where_nothing_is():
    assert detect(encoded(icon(256)), keys=[key()]).found is False
    assert detect(encoded(marked()), keys=[key("another")]).found is False
    turned = np.ascontiguousarray(np.rot90(marked()))
    assert detect(encoded(turned), keys=[key()]).found is False


@pytest.mark.parametrize("data", [
    b"", b"no picture", encoded(icon(32))[:60], encoded(np.zeros((1, 1, 4), np.uint8)),
    encoded(np.zeros((300, 3, 4), np.uint8)), encoded(np.full((64, 64, 4), 255, np.uint8))])
def test_what_cannot_carry_a_mark_is_said_to_be_untold(data):
    found = detect(data, keys=[key()])
    assert found.found is None and found.p_value > THRESHOLD


def test_a_p_value_is_as_rare_as_it_says():
    """Unmarked pictures under 400 keys: p-values are never too small more often than they say."""
    p_values = [detect(encoded(icon(64, seed)), keys=[key(f"{seed} {number}")]).p_value
                for seed in range(4) for number in range(25)]
    for level in (0.5, 0.1, 0.03):
        expected = level * len(p_values)
        assert sum(p <= level for p in p_values) <= expected + 4 * math.sqrt(expected)


def test_bad_pictures_and_payloads_are_refused():
    with pytest.raises(BadInput, match="height, width, 4"):
        embed(np.zeros((8, 8, 3), np.uint8), key(), 0)
    with pytest.raises(BadInput, match="32 bits"):
        embed(icon(32), key(), 1 << 32)
    nothing = np.zeros((16, 16, 4), np.uint8)
    assert (embed(nothing, key(), 1) == nothing).all()


def test_the_payload_of_a_work_follows_from_what_was_asked():
    assert payload_of({"prompt": "a fox", "n": 2}, 0) == payload_of({"n": 2, "prompt": "a fox"}, 0)
    assert payload_of({"prompt": "a fox"}, 0) != payload_of({"prompt": "a fox"}, 1)
    assert statement("k", 7) == {"scheme": SCHEME, "key": "k", "payload": "00000007"} and written(7) == "00000007"


def test_pictures_have_this_mark():
    assert mark_of("image/png") is MARK
