"""Pictures that are nearly the same: told by a coarse hash, then by their pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

GRID = 8
MOST_DIFFERENCE = 6.0
"""Mean difference of the small pictures, in steps of 255, below which two pictures are the same one."""


def small(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The picture on white and its opacity, by areas: what a glance sees.

    Shapes: pixels (S, S, 4) -> (16, 16, 4)
    """
    block = pixels.shape[0] // 16
    opacity = pixels[..., 3:].astype(np.float32)
    seen = pixels[..., :3] * (opacity / 255) + (255 - opacity)
    both = np.concatenate((seen, opacity), -1)
    found: NDArray[np.float32] = both.reshape(16, block, 16, block, 4).mean((1, 3))
    return found


def difference_hash(glance: NDArray[np.float32]) -> int:
    """64 bits: whether each of 8 x 8 places is brighter than its right neighbour.

    Shapes: glance (16, 16, 4)
    """
    grey = glance.mean(-1).reshape(8, 2, 16).mean(1)  # (8, 16)
    columns = np.linspace(0, 15, GRID + 1).round().astype(int)
    bits = grey[:, columns[:-1]] > grey[:, columns[1:]]
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


class Seen:
    """The pictures kept so far."""

    def __init__(self) -> None:
        self._by_key: dict[object, list[NDArray[np.float32]]] = {}

    def add(self, pixels: NDArray[np.uint8], concept: str) -> bool:
        """Whether the picture is new; it is then kept. Two pictures are compared where they share a hash or a concept.

        Shapes: pixels (S, S, 4)
        """
        glance = small(pixels)
        groups = [self._by_key.setdefault(key, []) for key in (difference_hash(glance), concept)]
        if any(np.abs(glance - other).mean() < MOST_DIFFERENCE for group in groups for other in group):
            return False
        for group in groups:
            group.append(glance)
        return True
