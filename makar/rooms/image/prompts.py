"""A prompt as the condition of a net."""

from __future__ import annotations

import numpy as np

from makar.codecs.prompts import Prompts
from makar.native.pictures import Asked


def condition(prompts: Prompts, prompt: str, look: int, context_tok: int) -> Asked:
    """One row that asks for the prompt in a look; an empty prompt asks for anything.

    Raises: as `Prompts.words`
    """
    words, present = np.zeros((1, context_tok, len(prompts.scale)), np.float32), np.zeros((1, context_tok), np.bool_)
    if prompt.strip():
        found = prompts.words(prompt)[:context_tok]
        words[0, :len(found)], present[0, :len(found)] = found, True
    return Asked(words, present, np.array([look]))
