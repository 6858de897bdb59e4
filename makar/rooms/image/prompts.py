"""A prompt as the condition of a net."""

from __future__ import annotations

import torch

from makar.codecs.prompts import Prompts
from makar.nets.patches import Condition


def condition(prompts: Prompts, prompt: str, look: int, context_tok: int) -> Condition:
    """One row that asks for the prompt in a look; an empty prompt asks for anything.

    Raises: as `Prompts.words`
    """
    dim = len(prompts.scale)
    words, present = torch.zeros(1, context_tok, dim), torch.zeros(1, context_tok, dtype=torch.bool)
    if prompt.strip():
        found = torch.from_numpy(prompts.words(prompt)[:context_tok])
        words[0, :len(found)], present[0, :len(found)] = found, True
    return Condition(words, present, torch.tensor([look]))
