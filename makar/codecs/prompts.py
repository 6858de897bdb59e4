"""Words to what a net is conditioned on: who reads prompts, by the name that packs and models keep, and the few small
numbers that become of what is read.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from makar.kit.errors import UnknownName

READERS = ("minilm", "hashed")


class Reader(Protocol):
    """Text to vectors, one for each token. Shapes: -> (tokens, states)"""

    def states(self, prompt: str) -> NDArray[np.float32]:
        """Raises: BadInput (an empty prompt)"""


@functools.cache
def reader(name: str) -> Reader:
    """The one reader of that name, which begins to open what it reads with.

    Raises: UnknownName
    """
    # Each is imported where it is asked for: MiniLM needs the store, which a machine that only trains may lack.
    if name == "minilm":
        from makar.codecs.minilm import MiniLM

        return MiniLM()
    if name == "hashed":
        from makar.codecs.hashed import HashedWords

        return HashedWords()
    raise UnknownName("reader of prompts", name, READERS)


@dataclass(frozen=True)
class Prompts:
    """A reader's states along the main directions of a pack's phrases, as small integers times a scale.

    reader_name: the text model. Shapes: basis (states, dim), mean (states,), scale (dim,)
    """

    reader_name: str
    basis: NDArray[np.float32]
    mean: NDArray[np.float32]
    scale: NDArray[np.float32]

    def small(self, states: NDArray[np.float32]) -> NDArray[np.int8]:
        """Shapes: states (tokens, states) -> (tokens, dim)"""
        along = (states - self.mean) @ self.basis
        return np.clip(np.rint(along / self.scale), -127, 127).astype(np.int8)

    def words(self, prompt: str) -> NDArray[np.float32]:
        """A vector for each token, to the bit as a pack keeps those of its phrases.

        Shapes: -> (tokens, dim)
        Raises: BadInput (an empty prompt), NotHere, NoNetwork, Damaged
        """
        found: NDArray[np.float32] = self.small(reader(self.reader_name).states(prompt)) * self.scale
        return found
