"""The fingerprint of a picture: which of its coarsest 256 waves are above their median.

Source: Zauner 2010, Implementation and benchmarking of perceptual image hash functions, section 3.2.1 (DCT hash)
"""

from __future__ import annotations

import functools
import io
import warnings
from typing import Any

import numpy as np

SCHEME = "image-dct-16x16/1"
NEAR = 56
SIDE_PX, WAVES = 64, 16
MOST_PX = 64_000_000
_LEAST_SPREAD = 2.0  # of 255: a picture with less has no waves to go by


def bits(data: bytes) -> bytes | None:
    """The 32 bytes of a picture that Pillow reads, seen on white; None where it cannot, or there is nothing on it."""
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data)) as opened:
                if opened.width * opened.height > MOST_PX:
                    return None
                picture = opened.convert("RGBA")
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError,
            Image.DecompressionBombWarning):
        return None
    white = Image.new("RGBA", picture.size, "white")
    white.alpha_composite(picture)
    small = white.convert("L").resize((SIDE_PX, SIDE_PX), Image.Resampling.BOX)
    grey = np.asarray(small, dtype=np.float64)
    if grey.std() < _LEAST_SPREAD:
        return None
    waves = _cosines() @ grey @ _cosines().T
    coarse = waves[:WAVES, :WAVES].ravel().copy()
    coarse[0] = waves[WAVES, WAVES]  # the first is the mean brightness, which says nothing
    return np.packbits(coarse > np.median(coarse)).tobytes()


@functools.cache
def _cosines() -> Any:
    """The matrix of the discrete cosine transform of 64 values (DCT-II)."""
    place = np.arange(SIDE_PX)
    return np.cos(np.pi * (2 * place[None, :] + 1) * place[:, None] / (2 * SIDE_PX))


def similarity_frac(num_bits: int) -> float:
    """The share of waves that agree beyond chance."""
    return max(0.0, 1 - num_bits / 128)
