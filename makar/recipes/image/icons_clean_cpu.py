"""What `icons-32` draws, cleaner and in 128 pixels: an autoencoder for two cores and three quarters of an hour.

It learns from the pictures that the drawing model learned from, at four times their size: given small, blurred and
spotted, and as that model draws them from under noise.
"""

from __future__ import annotations

from pathlib import Path

from makar.codecs.pack import Pack
from makar.recipes.image import icons_cpu
from makar.store.shipped import ICONS_32
from makar.train.autoencoder.config import Config, Spoil, Watch
from makar.train.autoencoder.recipe import AutoencoderRecipe

SIZE_PX = 128


def config() -> Config:
    """0.7 million weights: 640 numbers are kept of a picture."""
    return Config("image/icons_clean_cpu", model=ICONS_32.name, times=4, fine_dim=8, shift_px=8, batch=32, workers=2,
                  spoil=Spoil(drawn=0.5), watch=Watch(validate_steps=200, sheet_steps=1000))


def obtain(folder: Path) -> Pack:
    """The sources of `image/icons_cpu`, rendered at that size."""
    return icons_cpu.obtain(folder, size_px=SIZE_PX)


RECIPE = AutoencoderRecipe("an autoencoder that cleans what icons-32 draws, and makes 128 pixels of it", config, obtain)
