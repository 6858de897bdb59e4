"""A low-rank adapter over any model of the store, learned from a folder of texts, chats or instruction pairs.

The base stays as it is: an adapter is small, is served without merging, and any number of them share one base.
"""

from __future__ import annotations

from makar.train.config import Adapt, Batch, Config, Data, Optimise, Schedule, Watch
from makar.train.recipe import Recipe


def config() -> Config:
    """Rank 16 on every map of the blocks of SmolLM2, 200 steps of 1,024 tokens; `--set adapt.base=NAME` for another."""
    return Config("adapt/lora", adapt=Adapt("smollm2-135m"),
                  data=Data(context_tok=256, validation_frac=0.1, whole=True),
                  optimise=Optimise("adamw", rate=5e-4, weight_decay=0.0), schedule=Schedule(200, 10),
                  batch=Batch(tokens=1024),
                  watch=Watch(validate_steps=25, validate_rows=16, sample_steps=50, sample_tok=60))


RECIPE = Recipe("an adapter over a model of the store, from texts, chats or instruction pairs (--data)", config)
