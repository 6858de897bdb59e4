"""What a detector sees of a picture: no edges, no ground that it was laid on, and all of the rest."""

from __future__ import annotations

import numpy as np
import pytest
from drawn_pictures import icon, key

from makar.marks.image import embed
from makar.marks.pictures import cut_out, residual


def on(colour, inside, size_px=64):
    """A square frame on a ground of one colour, filled with another."""
    rgba = np.full((size_px, size_px, 4), 255, np.uint8)
    rgba[..., :3] = colour
    rgba[16:48, 16:48, :3] = (10, 20, 30)
    rgba[20:44, 20:44, :3] = inside
    return rgba


def test_echoes_on_a_plain_ground_are_not_looked_at_but_a_filling_like_it_is():
    rgba = on((255, 255, 255), (252, 252, 252))
    rgba[6:10, 6:10, :3] = 249  # as a lossy file leaves them near edges
    rgba[30:33, 30:33, :3] = 248  # as faint as a mark
    seen = residual(cut_out(rgba))
    assert (seen[:16] == 0).all() and np.abs(seen[30:33, 30:33]).min() > 0.5


def test_a_ground_that_is_marked_is_no_ground():
    plain = np.full((200, 200, 4), (90, 140, 200, 255), np.uint8)
    assert np.abs(residual(plain)).max() < 1e-3 and (cut_out(plain)[..., 3] == 0).all()
    assert cut_out(embed(plain, key(), 1)) is None


def test_ground_winds_around_corners_and_ends_at_a_maze():
    rgba = np.full((200, 200, 4), 255, np.uint8)
    rgba[100:120, 40:160, :3] = rgba[40:120, 40:60, :3] = rgba[40:120, 140:160, :3] = 0  # open at the top
    rgba[70:73, 100:103, :3] = 250
    assert (residual(cut_out(rgba))[70:73, 100:103] == 0).all()
    for row in range(2, 190, 4):  # a way of fifty turns
        rgba[row, :-2 if row % 8 == 2 else None, :3] = 0
        rgba[row, :2 if row % 8 != 2 else 0, :3] = 255
    assert cut_out(rgba).shape == (200, 200, 4)


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (2, 300), (3, 3)])
def test_the_smallest_pictures_have_a_residual(shape):
    rgba = np.full((*shape, 4), 255, np.uint8)
    assert residual(rgba).shape == shape and np.isfinite(residual(rgba)).all()
    assert (cut_out(rgba)[..., 3] == 0).all()


def test_edges_drop_out_and_a_mark_stays():
    before = icon(128)
    after = embed(before, key(), 5)
    added = residual(after) - residual(before)
    assert np.corrcoef(added.ravel(), (after @ [0.299, 0.587, 0.114, 0] - before @ [0.299, 0.587, 0.114, 0]).ravel()
                       )[0, 1] > 0.6
