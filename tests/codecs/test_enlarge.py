"""Larger pictures: whole pixels stay whole; a net gets colours without an edge to nothing, and opacity of its own."""

from __future__ import annotations

import numpy as np
import pytest

from makar.codecs.enlarge import MOST_INPUT_PX, by_net, by_pixels
from makar.kit.errors import BadInput


def repeat(colours: np.ndarray) -> np.ndarray:
    """A stand-in for the net that makes each pixel sixteen."""
    return colours.repeat(4, 1).repeat(4, 2)


def badge() -> np.ndarray:
    """A red square on nothing."""
    pixels = np.zeros((16, 16, 4), np.uint8)
    pixels[4:12, 4:12] = (250, 20, 10, 255)
    return pixels


def test_whole_pixels_at_a_multiple_and_the_right_size_between() -> None:
    assert np.array_equal(by_pixels(badge(), 64), badge().repeat(4, 0).repeat(4, 1))
    assert by_pixels(badge(), 40).shape == (40, 40, 4)
    assert np.array_equal(by_pixels(badge(), 16), badge())


def test_a_net_that_repeats_gives_the_same_as_whole_pixels() -> None:
    assert np.array_equal(by_net(badge(), 64, repeat), badge().repeat(4, 0).repeat(4, 1))
    assert by_net(badge(), 100, repeat).shape == (100, 100, 4)


def test_the_net_sees_no_border_between_what_is_painted_and_what_is_not() -> None:
    seen: list[np.ndarray] = []

    def watch(colours: np.ndarray) -> np.ndarray:
        seen.append(colours)
        return repeat(colours)

    by_net(badge(), 64, watch)
    colours, opacity = seen
    assert np.abs(colours - np.array([250, 20, 10])[:, None, None] / 255).max() < 0.01
    assert set(np.unique(opacity)) == {0.0, 1.0}


def test_an_opaque_picture_costs_one_pass_and_one_with_nothing_on_it_ends() -> None:
    calls: list[int] = []

    def count(colours: np.ndarray) -> np.ndarray:
        calls.append(1)
        return repeat(colours)

    assert (by_net(np.full((8, 8, 4), 255, np.uint8), 32, count) == 255).all()
    assert len(calls) == 1
    assert (by_net(np.zeros((8, 8, 4), np.uint8), 32, count) == 0).all()


def test_what_is_large_already_is_refused() -> None:
    with pytest.raises(BadInput, match="at most 256 px"):
        by_net(np.zeros((MOST_INPUT_PX + 1, MOST_INPUT_PX + 1, 4), np.uint8), 2000, repeat)
