"""The payload of a picture that was found: read right, or said to be in doubt."""

from __future__ import annotations

import numpy as np
import pytest
from drawn_pictures import encoded, icon, key, resized

from makar.codecs.picture import glance
from makar.marks.alignment import Alignment, best_alignment, plane, polished
from makar.marks.image import MOST_DOUBT, detect, embed
from makar.marks.pictures import residual
from makar.marks.reading import payload_in
from makar.marks.waves import waves_of


def found_in(data: bytes, waves):
    seen = plane(residual(np.asarray(glance(data))))
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
        seen = plane(np.random.default_rng(seed).normal(0, 2, (64, 64)))
        sure += payload_in(waves_of(key()), seen, Alignment(1.0, 0.0, 0.0, 7.0, 1e-9))[1] <= MOST_DOUBT
    assert sure == 0


def test_of_many_weak_marks_none_is_read_wrongly():
    read = [(payload, detect(encoded(embed(icon(32, payload), key(), payload), "JPEG", quality=60),
                             keys=[key()]).payload) for payload in range(60)]
    assert all(found in (None, f"{payload:08x}") for payload, found in read)
