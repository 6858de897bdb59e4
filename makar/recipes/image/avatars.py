"""The avatars of `avatars_cpu` for a GPU: more pictures, wider nets, larger batches."""

from __future__ import annotations

import dataclasses

from makar.recipes.image import avatars_cpu
from makar.train.contest.config import Config, Net
from makar.train.contest.recipe import ContestRecipe


def config() -> Config:
    """Products of twice the width and twice the depth, a batch of 512."""
    small = avatars_cpu.config()
    return dataclasses.replace(small, recipe="image/avatars", num_pictures=60_000, batch=512, workers=1,
                               alone_steps=2000, net=Net(hidden_dim=1024, num_blocks=4))


RECIPE = ContestRecipe("the same avatars, for a GPU", config, avatars_cpu.obtain)
