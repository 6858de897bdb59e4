"""How near a prompt is to what a model was shown, and to which concepts."""

from __future__ import annotations

from dataclasses import dataclass

LEAST_FRAC = 0.6
"""At or above it a prompt counts as known. Of 62 everyday prompts that the data covers 97% were, of 120 phrases of
pairs that were held out 89%, and of 40 prompts about other things (reports, photographs, theories, letters) 12%.
"""
NUM_NEAREST = 3


@dataclass(frozen=True)
class Nearness:
    """score_frac: the cosine between the prompt and the nearest concept, 0 where they point apart; of a model that
    knows attributes the share of the words that name some

    concepts: the nearest first; of a model that knows attributes what was understood; none of a model that does not
    tell what it was shown. unknown: words that mean nothing to it
    """

    score_frac: float
    concepts: tuple[str, ...]
    unknown: tuple[str, ...] = ()

    @property
    def known(self) -> bool:
        """Whether the model can be expected to know what is meant."""
        return self.score_frac >= LEAST_FRAC
