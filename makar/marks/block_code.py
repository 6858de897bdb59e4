"""Sixteen bits spread over a few hundred places: a random linear code, read by trying every word of it.

With so few bits nothing is gained by a code that can be read quickly: a random one is as good as any of its rate, and a
fast Walsh-Hadamard transform compares what was received with all 65,536 words at once (maximum likelihood).

Source: Shannon 1948, A mathematical theory of communication, theorem 11 (random codes); MacWilliams and Sloane 1977,
The theory of error-correcting codes, chapter 14 (decoding by the Hadamard transform)
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

NUM_BITS = 16
NUM_WORDS = 1 << NUM_BITS

Reals = NDArray[np.float64]
Columns = NDArray[np.uint16]


def encode(columns: Columns, message: int) -> Reals:
    """The word of a message of 16 bits: at each place 1 or -1 by the parity of the bits that its column picks.

    Shapes: columns (n,) -> (n,)
    """
    return 1.0 - 2.0 * (np.bitwise_count(columns & np.uint16(message)) & 1)


def decode(columns: Columns, received: Reals) -> Reals:
    """Of every message, the sum of what was received along its word.

    Shapes: columns (n,), received (n,) -> (65536,)
    """
    sums: Reals = np.bincount(columns, weights=received, minlength=NUM_WORDS).astype(np.float64, copy=False)
    half = 1
    while half < NUM_WORDS:
        pairs = sums.reshape(-1, 2, half)
        sums = np.stack((pairs[:, 0] + pairs[:, 1], pairs[:, 0] - pairs[:, 1]), axis=1)
        half *= 2
    return sums.ravel()
