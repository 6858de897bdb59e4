"""Reads the payload of a picture whose place on the tile is known.

On few pixels the waves of the tile are not independent: what is known of the mark hides what is not, and is taken away
first. The pilot goes, then the half of the payload that is surer.

Source: Verdu 1998, Multiuser detection, section 7.3 (successive cancellation)
"""

from __future__ import annotations

import math

import numpy as np

from makar.marks import block_code
from makar.marks.alignment import Alignment, Plane, aligned
from makar.marks.waves import Spectrum, Waves


def payload_in(waves: Waves, seen: Plane, found: Alignment) -> tuple[int, float]:
    """The likeliest payload, and the chance that it is another: all were as likely before the picture was seen."""
    seen = seen.without(_only(waves, waves.phases, None), found)
    words = [_word(waves, number, seen, found) for number in range(len(waves.halves))]
    surer = int(words[1][1] < words[0][1])
    carried = waves.carrying(words[surer][0] << block_code.NUM_BITS * surer)
    seen = seen.without(_only(waves, carried, surer), found)
    words[1 - surer] = _word(waves, 1 - surer, seen, found)
    payload = sum(word << block_code.NUM_BITS * number for number, (word, _) in enumerate(words))
    return payload, sum(doubt for _, doubt in words)


def _word(waves: Waves, number: int, seen: Plane, found: Alignment) -> tuple[int, float]:
    """The likeliest word of a half, and the chance that it is another.

    The right word stands about as high as half as many waves of the pilot, the others about nought, all with deviation
    1: that makes their chances.
    """
    heights = waves.heights(aligned(seen.spectrum(found.scale), found.down_px, found.across_px), number)
    best = int(heights.argmax())
    chances = np.exp((heights - heights[best]) * (found.height / math.sqrt(2)))
    return best, float(1 - 1 / chances.sum())


def _only(waves: Waves, phases: Spectrum, number: int | None) -> Spectrum:
    """The phases of one half of the payload, or of the pilot; nought for the other waves."""
    places = waves.pilot if number is None else waves.halves[number]
    kept = np.zeros_like(phases)
    kept[places] = phases[places]
    return kept
