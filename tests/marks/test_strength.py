"""A mark is as strong as the error allows, to the byte what halving over all pixels gives: records say so by replay."""

from __future__ import annotations

import numpy as np
import pytest

from makar.marks.pictures import LUMA
from makar.marks.strength import added

ALLOWED = 4.0


def plainly(colours, drawn):
    """The definition: twenty halvings, each looking at every pixel."""
    direction = LUMA / np.linalg.norm(LUMA)
    low, high = 0.0, 4.0 * np.sqrt(3 * ALLOWED / (drawn**2).mean())
    for _ in range(20):
        strength = (low + high) / 2
        tried = np.rint(np.clip(colours + strength * drawn[:, None] * direction, 0, 255))
        low, high = (strength, high) if ((tried - colours)**2).mean() <= ALLOWED else (low, strength)
    return np.rint(np.clip(colours + low * drawn[:, None] * direction, 0, 255)).astype(np.uint8)


@pytest.mark.parametrize("num_px", [1, 40, 4_096, 4_100, 60_000])
@pytest.mark.parametrize("least", [0, 60])
def test_few_looks_give_what_looking_at_all_gives(num_px, least):
    chance = np.random.default_rng(num_px)
    colours = chance.integers(least, 256, (num_px, 3)).astype(float)
    drawn = chance.normal(0, 30, num_px)
    marked = added(colours, drawn, ALLOWED)
    assert (marked == plainly(colours, drawn)).all()
    assert ((marked - colours)**2).mean() <= ALLOWED


def test_pixels_unlike_the_rest_do_not_mislead():
    """Every pixel that the sample takes is one that cannot be marked."""
    drawn = np.random.default_rng(0).normal(0, 30, 40_960)
    colours = np.full((len(drawn), 3), 128.0)
    drawn[::10] = 0
    assert (added(colours, drawn, ALLOWED) == plainly(colours, drawn)).all()


def test_black_takes_only_what_lightens():
    drawn = np.random.default_rng(0).normal(0, 30, 10_000)
    marked = added(np.zeros((10_000, 3)), drawn, ALLOWED)
    assert (marked[drawn < 0] == 0).all() and marked[drawn > 20].min() > 0


def test_nothing_drawn_changes_nothing():
    colours = np.full((5, 3), 9.0)
    assert (added(colours, np.zeros(5), ALLOWED) == 9).all()
