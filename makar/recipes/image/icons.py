"""Icons, emoji, clip art, pixel tiles and avatars: openly licensed pictures with names, to be asked for in words.

The recipe fetches, renders and packs them by itself through npm, node and apt. 28 million weights at the default size.
"""

from __future__ import annotations

from pathlib import Path

from makar.codecs.pack import Pack
from makar.codecs.prompts import Prompts
from makar.train.pictures.config import Config
from makar.train.pictures.recipe import PictureRecipe


def config() -> Config:
    """Eight layers of 512 channels over 64 patches of 8 pixels; the batch suits one large GPU."""
    return Config("image/icons", size=8, batch=1024)


def obtain(folder: Path, like: Prompts | None = None) -> Pack:
    """Every source, rendered once."""
    from makar.curation.pictures.gather import Gathering, gather
    from makar.curation.pictures.sources import SOURCES

    return gather(folder, SOURCES, Gathering(like=like))


RECIPE = PictureRecipe("icons, emoji, clip art, tiles and avatars of 64 pixels, from nothing", config, obtain)
