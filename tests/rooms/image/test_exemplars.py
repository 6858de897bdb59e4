"""Which pictures are drawn after: the nearest concept's in other looks, and none where it is far."""

from __future__ import annotations

import numpy as np
import pytest

from makar.curation.pictures.sources import SOURCES
from makar.rooms.image.exemplars import Exemplars, exemplar_of
from makar.tracing.pictures import Told, small

CONCEPTS = ("dragon", "lizard", "moon")
VECTORS = np.array([[1, 0, 0], [0.8, 0.6, 0], [0, 0, 2]], np.float32)
TOLD = [Told(f"{number}", source, "MIT", "Ann", concept, style) for number, (concept, style, source) in enumerate([
    ("dragon", "flat", "twemoji"), ("dragon", "flat", "fluent"), ("dragon", "glossy", "noto"),
    ("lizard", "pixel", "crawl"), ("moon", "flat", "twemoji"), ("sun", "flat", "twemoji")])]


@pytest.mark.parametrize(("asked", "look", "wanted"), [
    ([1, 0, 0], None, [0, 1, 2]), ([1, 0, 0], "flat", [2]), ([5, 0, 0], "twemoji", [1, 2]),
    ([1, 0, 0], "pixel", [0, 1, 2]), ([0.8, 0.6, 0], "pixel", [0, 1, 2]),
    ([0, 0, 1], "flat", []), ([0, 0, 1], "glossy", [4]), ([0, 0, -1], None, []),
    ([0, 0, 0], None, [])])
def test_the_nearest_concept_s_pictures_in_other_looks(asked: list[float], look: str | None, wanted: list[int]) -> None:
    assert Exemplars(CONCEPTS, VECTORS, TOLD).near(np.array(asked, np.float32), look) == wanted


def test_no_picture_is_its_own_exemplar() -> None:
    exemplars = Exemplars(CONCEPTS, VECTORS, TOLD)
    for place, told in enumerate(TOLD[:5]):
        for look in (told.style, told.source):
            assert place not in exemplars.near(VECTORS[CONCEPTS.index(told.concept)], look)


def test_an_exemplar_has_the_size_of_the_net_and_keeps_its_opacity() -> None:
    pixels = np.zeros((64, 64, 4), np.uint8)
    pixels[16:48, 16:48] = (200, 30, 30, 255)
    for size_px in (16, 32, 64):
        found = exemplar_of(small(pixels), size_px)
        assert found.shape == (size_px, size_px, 4) and found.dtype == np.uint8
        middle = size_px // 2
        assert found[0, 0, 3] == 0 and found[middle, middle, 3] == 255
        assert np.abs(found[middle, middle, :3].astype(int) - (200, 30, 30)).max() < 12


def test_looks_of_sources_are_not_names_of_styles() -> None:
    assert not {source.name for source in SOURCES} & {"flat", "glossy", "pixel", "avatar"}
