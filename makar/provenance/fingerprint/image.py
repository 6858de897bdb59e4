"""The fingerprint of a picture: which of its coarsest 256 waves are above their median."""

from __future__ import annotations

import io
import warnings

from makar.codecs.waves import NUM_BITS, waves

SCHEME = "image-dct-16x16/1"
NEAR = 56
MOST_PX = 64_000_000


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
    return waves(picture)


def similarity_frac(num_bits: int) -> float:
    """The share of waves that agree beyond chance."""
    return max(0.0, 1 - num_bits / (NUM_BITS / 2))
