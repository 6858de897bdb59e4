"""What `icons-32` draws, cleaner and in 64 pixels: an autoencoder for two cores and half an hour.

It learns from the pictures that the drawing model learned from, at twice their size, and sees no drawing.
"""

from __future__ import annotations

from makar.recipes.image import icons_cpu
from makar.store.shipped import ICONS_32
from makar.train.autoencoder.config import Config, Watch
from makar.train.autoencoder.recipe import AutoencoderRecipe


def config() -> Config:
    """0.7 million weights: 640 numbers are kept of a picture."""
    return Config("image/icons_clean_cpu", model=ICONS_32.name, batch=32, workers=2,
                  watch=Watch(validate_steps=200, sheet_steps=1000))


RECIPE = AutoencoderRecipe("an autoencoder that cleans what icons-32 draws, and doubles its size", config,
                           icons_cpu.obtain)
