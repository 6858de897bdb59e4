"""Prose of your own: a folder of texts or a corpus, learned from nothing. Public-domain books are good for it.

Makar ships no books and fetches none: name a folder with `--data`.
"""

from __future__ import annotations

from makar.train.config import Config, Data, Optimise, Schedule, Watch
from makar.train.recipe import Recipe


def config() -> Config:
    """Four layers of 256 channels; size=6 is GPT-2's small sister of 10 million weights, size=12 its own size."""
    return Config("text/prose", size=4, data=Data(vocab_size=4096, context_tok=256, validation_frac=0.02),
                  optimise=Optimise(ema=0.0), schedule=Schedule(num_steps=4000),
                  watch=Watch(validate_steps=100, sample_steps=250))


RECIPE = Recipe("prose: name a folder of texts or a corpus with --data", config)
