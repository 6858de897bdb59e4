"""Words to what a net is conditioned on: a text model's states along the directions the net was trained with."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray

from makar.codecs.prompts import Reader, reader
from makar.nets.patches import Condition


@dataclass(frozen=True)
class Prompts:
    """reader_name: the text model. Shapes: basis (states, dim), mean (states,), scale (dim,)"""

    reader_name: str
    basis: NDArray[np.float32]
    mean: NDArray[np.float32]
    scale: NDArray[np.float32]

    @cached_property
    def _reader(self) -> Reader:
        return reader(self.reader_name)

    def words(self, prompt: str) -> NDArray[np.float32]:
        """A vector for each token, in the same steps as those of the training data.

        Shapes: -> (tokens, dim)
        Raises: BadInput (an empty prompt), NotHere, NoNetwork, Damaged
        """
        along = (self._reader.states(prompt) - self.mean) @ self.basis
        found: NDArray[np.float32] = np.clip(np.rint(along / self.scale), -127, 127) * self.scale
        return found.astype(np.float32)

    def condition(self, prompt: str, look: int, context_tok: int) -> Condition:
        """One row that asks for the prompt in a look; an empty prompt asks for anything. Raises: as `words`"""
        words, present = torch.zeros(1, context_tok, len(self.scale)), torch.zeros(1, context_tok, dtype=torch.bool)
        if prompt.strip():
            found = torch.from_numpy(self.words(prompt)[:context_tok])
            words[0, :len(found)], present[0, :len(found)] = found, True
        return Condition(words, present, torch.tensor([look]))
