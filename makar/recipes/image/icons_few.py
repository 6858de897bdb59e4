"""A student of the small model of icons: in four steps, without guidance, what that one draws in sixteen with it."""

from __future__ import annotations

import dataclasses

from makar.recipes.image import icons_cpu
from makar.store.shipped import ICONS_32
from makar.train.config import Optimise, Schedule
from makar.train.pictures.config import Config, Leaps, Watch
from makar.train.pictures.recipe import PictureRecipe


def config() -> Config:
    """The shape, the weights and the pictures of its teacher, at a low rate."""
    return dataclasses.replace(
        icons_cpu.config(), recipe="image/icons_few", batch=64, at_once=8, start=ICONS_32.name, leaps=Leaps(),
        optimise=Optimise(name="adamw", rate=3e-4, ema=0.98, weight_decay=0.0),
        schedule=Schedule(num_steps=2000, warmup_steps=20),
        watch=Watch(validate_steps=200, validate_pictures=64, sheet_steps=100, num_steps=4, guidance=1.0))


RECIPE = PictureRecipe("a student of icons-32 that draws in four steps", config, icons_cpu.obtain)
