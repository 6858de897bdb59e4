"""What the small model of icons lacked: a few convolutions that mend the borders of its patches. Nothing else is moved.

They learn at later times than the rest did, for it is near the picture that borders are decided.
"""

from __future__ import annotations

import dataclasses

from makar.recipes.image import icons_cpu
from makar.store.shipped import ICONS_32
from makar.train.config import Optimise, Schedule
from makar.train.pictures.config import Config, Flow, Watch
from makar.train.pictures.recipe import PictureRecipe


def config() -> Config:
    """The shape, the weights and the pictures of that model."""
    small = icons_cpu.config()
    return dataclasses.replace(
        small, recipe="image/icons_mend", start=ICONS_32.name, only="mend.",
        net=dataclasses.replace(small.net, mend_dim=32), flow=Flow(time_mean=0.4, time_spread=1.2),
        optimise=Optimise(name="adamw", rate=2e-3, beta2=0.99, weight_decay=0.0, ema=0.98),
        schedule=Schedule(num_steps=2000, warmup_steps=20),
        watch=Watch(validate_steps=100, validate_pictures=128, sheet_steps=100, num_steps=16))


RECIPE = PictureRecipe("convolutions that mend the borders of icons-32's patches", config, icons_cpu.obtain)
