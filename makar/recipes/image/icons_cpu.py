"""A small model of icons for two cores and an hour: fewer sources, 32 pixels, 3 million weights.

What is left out are flags, clock faces, keys and buttons, and most sets whose concepts no other set draws.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path

from makar.codecs.pack import Pack
from makar.curation.pictures.drawing import Drawing, Source
from makar.train.config import Optimise, Schedule
from makar.train.pictures.config import Config, Net, Watch
from makar.train.pictures.recipe import PictureRecipe

CHOSEN = ("twemoji", "fluent-emoji-flat", "emojione", "fxemoji", "noto", "flat-color-icons", "dicebear-lorelei",
          "dicebear-pixelart", "dicebear-thumbs", "crawl")
_LEFT_OUT = re.compile(r"\bflag\b|^keycap|o.clock$|-thirty$|\bbutton$|^regional indicator|^family\b|^kiss\b|^couple with")


def config() -> Config:
    """Six layers of 192 channels over 64 patches of 4 pixels."""
    return Config("image/icons_cpu", batch=64, at_once=16, workers=2,
                  net=Net(size_px=32, patch_px=4, dim=192, num_layers=6, context_tok=8, bottleneck=64),
                  optimise=Optimise(ema=0.995, weight_decay=0.02),
                  schedule=Schedule(num_steps=20_000, warmup_steps=100),
                  watch=Watch(validate_steps=200, validate_pictures=256, sheet_steps=200, num_steps=16))


def obtain(folder: Path) -> Pack:
    """The chosen sources, rendered once at 64 pixels."""
    from makar.curation.pictures.gather import Gathering, gather
    from makar.curation.pictures.sources import SOURCES

    return gather(folder, [_without_signs(source) for source in SOURCES if source.name in CHOSEN], Gathering())


def _without_signs(source: Source) -> Source:
    def drawings(folder: Path) -> Iterator[Drawing]:
        return (drawing for drawing in source.drawings(folder) if not _LEFT_OUT.search(drawing.concept))

    return dataclasses.replace(source, drawings=drawings)


RECIPE = PictureRecipe("icons, emoji, tiles and avatars for a processor without a GPU", config, obtain)
