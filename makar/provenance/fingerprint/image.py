"""The fingerprint of a picture: which of its coarsest 256 waves are above their median."""

from __future__ import annotations

from makar.codecs.waves import NUM_BITS, waves

SCHEME = "image-dct-16x16/1"
NEAR = 56


def bits(data: bytes) -> bytes | None:
    """The 32 bytes of a picture that Pillow reads, seen on white; None where it cannot, or there is nothing on it."""
    from makar.codecs.picture import glance

    picture = glance(data)
    return None if picture is None else waves(picture)


def similarity_frac(num_bits: int) -> float:
    """The share of waves that agree beyond chance."""
    return max(0.0, 1 - num_bits / (NUM_BITS / 2))
