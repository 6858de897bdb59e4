"""Pixels to SVG: what is said of the difference is what a renderer shows, and pixel art comes back exactly."""

from __future__ import annotations

import re

import numpy as np
import pytest

from makar.codecs.vector import CLOSE_FRAC, difference_frac, rendered, vectorised
from makar.kit.errors import BadInput


def disc(side: int = 64) -> np.ndarray:
    """A red disc with a blue middle and soft edges, on nothing."""
    rows, columns = np.indices((side, side)) - (side - 1) / 2
    away = np.hypot(rows, columns)
    pixels = np.zeros((side, side, 4), np.uint8)
    pixels[..., 0], pixels[..., 2] = np.where(away < side / 5, 20, 220), np.where(away < side / 5, 220, 20)
    pixels[..., 3] = (np.clip(side * 0.4 - away, 0, 1) * 255).round()
    pixels[pixels[..., 3] == 0] = 0
    return pixels


def test_a_drawing_renders_within_the_error_that_it_states_and_is_small() -> None:
    found = vectorised(disc())
    assert found.error_frac <= CLOSE_FRAC
    assert difference_frac(rendered(found.svg, 64), disc()) == pytest.approx(found.error_frac, abs=1e-6)
    assert f"differs by {found.error_frac:.1%} on average" in found.svg.decode()
    assert len(found.svg) < 10_000 and found.svg == vectorised(disc()).svg


def test_a_drawing_is_paths_of_plain_colours_and_nothing_else() -> None:
    assert set(re.findall(r"<(\w+)", vectorised(disc()).svg.decode())) == {"svg", "desc", "path"}


def test_pixel_art_comes_back_exactly_at_any_multiple_of_its_size() -> None:
    random = np.random.default_rng(5)
    pixels = random.choice(np.array([[0, 0, 0, 0], [255, 0, 0, 255], [10, 200, 30, 255], [9, 9, 9, 255]], np.uint8),
                           size=(16, 16))
    found = vectorised(pixels, crisp=True)
    assert found.error_frac == 0
    assert np.array_equal(rendered(found.svg, 64), pixels.repeat(4, 0).repeat(4, 1))


def test_half_open_pixels_of_pixel_art_stay_half_open() -> None:
    pixels = np.zeros((8, 8, 4), np.uint8)
    pixels[2:6, 2:6] = (0, 0, 255, 128)
    assert abs(int(rendered(vectorised(pixels, crisp=True).svg, 8)[4, 4, 3]) - 128) <= 1


def test_nothing_painted_is_a_drawing_of_nothing() -> None:
    for crisp in (False, True):
        found = vectorised(np.zeros((32, 32, 4), np.uint8), crisp=crisp)
        assert found.error_frac == 0 and b"<path" not in found.svg


def test_what_is_no_drawing_is_refused() -> None:
    with pytest.raises(BadInput, match="no drawing that can be rendered"):
        rendered(b"<svg", 16)
