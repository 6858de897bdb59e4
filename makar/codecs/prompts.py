"""Who reads prompts, by the name that packs and models keep."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from makar.kit.errors import UnknownName

READERS = ("minilm", "hashed")


class Reader(Protocol):
    """Text to vectors, one for each token. Shapes: -> (tokens, states)"""

    def states(self, prompt: str) -> NDArray[np.float32]:
        """Raises: BadInput (an empty prompt)"""


def reader(name: str) -> Reader:
    """Raises: UnknownName"""
    # Each is imported where it is asked for: MiniLM needs the store, which a machine that only trains may lack.
    if name == "minilm":
        from makar.codecs.minilm import MiniLM

        return MiniLM()
    if name == "hashed":
        from makar.codecs.hashed import HashedWords

        return HashedWords()
    raise UnknownName("reader of prompts", name, READERS)
