"""An adapter that learns which answers are preferred, from lines of {"prompt", "chosen", "rejected"}."""

from __future__ import annotations

from makar.train.config import Adapt, Batch, Config, Data, Optimise, Prefer, Schedule, Watch
from makar.train.recipe import Recipe


def config() -> Config:
    """Direct preference optimisation with beta 0.1, pairs of at most 256 tokens each, 8 pairs a step."""
    return Config("adapt/prefer", adapt=Adapt("smollm2-135m"), prefer=Prefer(0.1),
                  data=Data(context_tok=256, validation_frac=0.1, whole=True),
                  optimise=Optimise("adamw", rate=1e-4, weight_decay=0.0), schedule=Schedule(200, 10),
                  batch=Batch(tokens=4096),
                  watch=Watch(validate_steps=25, validate_rows=32, sample_steps=50, sample_tok=60))


RECIPE = Recipe("an adapter that learns from pairs of a chosen and a rejected answer (--data)", config)
