"""The 256 coarsest waves of a picture, each as one bit: what stays when it is scaled, compressed or slightly changed.

Source: Zauner 2010, Implementation and benchmarking of perceptual image hash functions, section 3.2.1 (DCT hash)
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from PIL import Image

SIDE_PX, WAVES = 64, 16
NUM_BITS = WAVES * WAVES
_LEAST_SPREAD = 2.0  # of 255: a picture with less has no waves to go by


def waves(picture: Image.Image) -> bytes | None:
    """The 32 bytes of a picture seen on white: which waves are above their median; None where there are none."""
    seen = Image.new("RGBA", picture.size, "white")
    seen.alpha_composite(picture.convert("RGBA"))
    small = seen.convert("L").resize((SIDE_PX, SIDE_PX), Image.Resampling.BOX)
    grey = np.asarray(small, dtype=np.float64)
    if grey.std() < _LEAST_SPREAD:
        return None
    found = _cosines() @ grey @ _cosines().T
    coarse = found[:WAVES, :WAVES].ravel().copy()
    coarse[0] = found[WAVES, WAVES]  # the first is the mean brightness, which says nothing
    middle = np.sort(coarse)[coarse.size // 2 - 1:coarse.size // 2 + 1].mean()  # np.median would load numpy.ma
    return np.packbits(coarse > middle).tobytes()


@functools.cache
def _cosines() -> Any:
    """The matrix of the discrete cosine transform of 64 values (DCT-II)."""
    place = np.arange(SIDE_PX)
    return np.cos(np.pi * (2 * place[None, :] + 1) * place[:, None] / (2 * SIDE_PX))
