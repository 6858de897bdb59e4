"""Prompts to vectors without a text model: each word is a random direction of its own, so equal words are equal and no
two words are alike. For models that are built at once and for tests.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from makar.kit.errors import BadInput
from makar.kit.files import sha256_bytes

NUM_STATES = 32


class HashedWords:
    """A stand-in for a text model."""

    def states(self, prompt: str) -> NDArray[np.float32]:
        """One vector for every word. Shapes: -> (words, 32). Raises: BadInput (an empty prompt)"""
        words = re.findall(r"\w+", prompt.lower())
        if not words:
            raise BadInput("the prompt is empty; say what the picture should show")
        rows = [np.random.Generator(np.random.Philox(int(sha256_bytes(word.encode())[:16], 16))).standard_normal(
            NUM_STATES) for word in words]
        return np.asarray(rows, np.float32)
