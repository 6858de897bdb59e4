"""Pictures of your own: goes on with the model that comes with Makar, a few minutes on a processor."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from makar.codecs.pack import Pack
from makar.codecs.prompts import Prompts
from makar.kit.errors import BadInput
from makar.recipes.image import icons_cpu
from makar.store.shipped import ICONS_32
from makar.train.config import Optimise, Schedule
from makar.train.pictures.config import Config
from makar.train.pictures.recipe import PictureRecipe


def config() -> Config:
    """The shape of that model, a low rate and few steps."""
    start = icons_cpu.config()
    return dataclasses.replace(
        start, recipe="image/own", start=ICONS_32.name, batch=32, at_once=16,
        optimise=Optimise(name="adamw", rate=3e-4, ema=0.98, weight_decay=0.02),
        schedule=Schedule(num_steps=600, warmup_steps=20),
        watch=dataclasses.replace(start.watch, validate_pictures=128, sheet_steps=100))


def obtain(folder: Path, like: Prompts | None = None) -> Pack:
    """Raises: BadInput (always: the pictures are yours)"""
    raise BadInput("image/own needs your pictures: --data FOLDER, with captions in their names, in NAME.txt or in "
                   "captions.jsonl")


RECIPE = PictureRecipe("your own pictures, on top of the model that comes with Makar", config, obtain)
