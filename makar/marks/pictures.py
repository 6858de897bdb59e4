"""Pictures as a detector sees them: less what is drawn on them."""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

LUMA = np.array([0.299, 0.587, 0.114])
"""Source: ITU-R BT.601"""
_LEAST_ALPHA = 0.06
_REACH_PX, _SPREAD_PX = 4, 2.5
_ALIKE, _LARGEST = 6.0, 6.0  # of 255
_GROUND_NEAR, _GROUND_EXACT = 30, 0.2
_MOST_TURNS = 32  # on a walk over the ground: a maze is no ground
_OPPONENT = np.array([[0.299, 0.587, 0.114], [-0.169, -0.331, 0.5], [0.5, -0.419, -0.081]])
"""Brightness and two differences of colour. Source: ITU-T T.871, section 7"""

Picture = NDArray[np.uint8]
Reals = NDArray[np.float64]


def residual(rgba: Picture) -> Reals:
    """What is left of the brightness when each pixel is compared with those around it that are like it: the mark, the
    noise and fine texture. Edges, which are no mark, drop out.

    Shapes: (H, W, 4) -> (H, W)
    Source: Tomasi and Manduchi 1998, Bilateral filtering for gray and color images, eq. 3-6
    """
    seen = (rgba[..., 3] / 255).astype(np.float32)
    colours = (_OPPONENT @ rgba[..., :3].swapaxes(1, 2)).swapaxes(0, 1).astype(np.float32)
    left = colours[0] - _smooth(colours, seen)
    left *= np.exp(-(left / np.float32(_LARGEST))**2 / 2)
    left[seen < _LEAST_ALPHA] = 0
    return left.astype(np.float64)


def cut_out(rgba: Picture) -> Picture | None:
    """The picture without the plain ground that it seems to lie on, where a lossy file has faint echoes of its edges.

    Such a ground is of one colour to the last bit in many places, and can be walked to from the border.
    Shapes: (H, W, 4) -> (H, W, 4)
    """
    if (rgba[..., 3] < 255).any():
        return None
    border = np.concatenate((rgba[0], rgba[-1], rgba[:, 0], rgba[:, -1]))[:, :3]
    colours, counts = np.unique(border, axis=0, return_counts=True)
    colour = colours[counts.argmax()]
    ground = _reached((np.abs(rgba[..., :3] - colour.astype(np.int16)) <= _GROUND_NEAR).all(axis=2))
    if (rgba[ground][:, :3] == colour).all(axis=1).mean() < _GROUND_EXACT:
        return None
    return np.dstack((rgba[..., :3], np.where(ground, 0, 255).astype(np.uint8)))


def _reached(near: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The places that can be walked to from the border, along rows and columns, over places that are near."""
    reached = near.copy()
    reached[1:-1, 1:-1] = False
    for _ in range(_MOST_TURNS):
        before, reached = reached, _along(_along(reached, near).T, near.T).T
        if (before == reached).all():
            break
    return reached


def _along(reached: NDArray[np.bool_], near: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The same with all of every run of near places in a row of which one was reached."""
    walls = np.pad(~near, ((0, 0), (1, 0)), constant_values=True)
    runs = walls.ravel().cumsum().reshape(walls.shape)[:, 1:]
    touched = np.bincount(runs.ravel(), weights=reached.ravel()) > 0
    along: NDArray[np.bool_] = touched[runs] & near
    return along


def _smooth(colours: NDArray[np.float32], seen: NDArray[np.float32]) -> NDArray[np.float32]:
    """The mean brightness of the pixels around each that are near to it in place and colour.

    Shapes: (3, H, W), (H, W) -> (H, W)
    """
    bright, scaled = colours[0], colours / np.float32(_ALIKE * np.sqrt(2))
    total, weight = bright * seen, seen.copy()
    for down, across, near in _neighbours():
        if down < bright.shape[0] and abs(across) < bright.shape[1]:
            # Each pair of pixels is compared once, for both.
            here, there = _overlap(down, across, *bright.shape)
            alike = np.exp(-np.square(scaled[:, *here] - scaled[:, *there]).sum(axis=0)) * near
            to_there, to_here = alike * seen[here], alike * seen[there]
            total[here] += to_here * bright[there]
            weight[here] += to_here
            total[there] += to_there * bright[here]
            weight[there] += to_there
    return (total / np.maximum(weight, np.float32(1e-6))).astype(np.float32)


Window = tuple[slice, slice]


def _overlap(down: int, across: int, height: int, width: int) -> tuple[Window, Window]:
    """The parts of a plane that lie on each other when it is moved up by `down` and left by `across`."""
    rows = slice(0, height - down), slice(down, height)
    columns = slice(max(0, -across), width - max(0, across)), slice(max(0, across), width + min(0, across))
    return (rows[0], columns[0]), (rows[1], columns[1])


@functools.cache
def _neighbours() -> tuple[tuple[int, int, np.float32], ...]:
    """Half of the disc around a pixel, with how near each is."""
    disc = [(down, across) for down in range(_REACH_PX + 1) for across in range(-_REACH_PX, _REACH_PX + 1)
            if (down > 0 or across > 0) and down**2 + across**2 <= _REACH_PX**2]
    return tuple((down, across, np.float32(np.exp(-(down**2 + across**2) / (2 * _SPREAD_PX**2))))
                 for down, across in disc)
