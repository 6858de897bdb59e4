"""Cleaner and larger pictures of a model of your own: goes on with the autoencoder that comes with Makar."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from makar.codecs.pack import Pack
from makar.kit.errors import BadInput
from makar.recipes.image import icons_clean_cpu
from makar.store.shipped import ICONS_128
from makar.train.autoencoder.config import Config
from makar.train.autoencoder.recipe import AutoencoderRecipe
from makar.train.config import Schedule


def config() -> Config:
    """The shape of that autoencoder, a low rate and few steps; `model` is left to be named."""
    start = icons_clean_cpu.config()
    return dataclasses.replace(
        start, recipe="image/own_clean", model="", start=ICONS_128.name, batch=16,
        optimise=dataclasses.replace(start.optimise, rate=3e-4, ema=0.98),
        schedule=Schedule(num_steps=400, warmup_steps=20, decay_frac=0.5),
        watch=dataclasses.replace(start.watch, validate_steps=50, sheet_steps=200))


def obtain(folder: Path) -> Pack:
    """Raises: BadInput (always: the pictures are yours)"""
    raise BadInput("image/own_clean needs the pictures that your model learned from: --data FOLDER --set model=NAME")


RECIPE = AutoencoderRecipe("your own model's drawings cleaner and in 128 pixels", config, obtain)
