"""Coloured shapes drawn by rule: a run of a minute that shows that everything works. Nothing is fetched."""

from __future__ import annotations

import io
from collections.abc import Iterator
from itertools import product
from pathlib import Path

from makar.codecs.pack import Pack
from makar.codecs.prompts import Prompts
from makar.train.config import Optimise, Schedule
from makar.train.pictures.config import Config, Net, Watch
from makar.train.pictures.recipe import PictureRecipe

SIZE_PX = 16
COLOURS = {"red": (214, 40, 40), "green": (40, 160, 70), "blue": (45, 95, 215), "yellow": (250, 210, 60)}
SHAPES = ("circle", "square", "cross", "bar")
SIZES = {"large": 7, "small": 4}


def config() -> Config:
    """Two layers of 128 channels over 16 patches of 4 pixels."""
    return Config("image/tiny", size=2, batch=64, net=Net(size_px=SIZE_PX, patch_px=4, context_tok=4, bottleneck=32),
                  optimise=Optimise(ema=0.99), schedule=Schedule(num_steps=400),
                  watch=Watch(validate_steps=100, validate_pictures=64, sheet_steps=200, num_steps=20))


def obtain(folder: Path, like: Prompts | None = None) -> Pack:
    """Four shapes in four colours, filled and hollow, large and small."""
    from makar.curation.pictures.drawing import Drawing, Source
    from makar.curation.pictures.gather import Gathering, gather

    def drawings(_: Path) -> Iterator[Drawing]:
        for colour, shape, style, size in product(COLOURS, SHAPES, ("filled", "hollow"), SIZES):
            yield Drawing(f"{size}-{colour}-{shape}-{style}", f"{size} {colour} {shape}", style, "CC0-1.0", "Makar",
                          drawn(colour, shape, style, size))

    return gather(folder, [Source("shapes", "made here", drawings)],
                  Gathering(size_px=SIZE_PX, held_out_frac=0.1, reader="hashed", like=like, num_workers=0))


def drawn(colour: str, shape: str, style: str, size: str) -> bytes:
    """One shape as a PNG on nothing."""
    from PIL import Image, ImageDraw

    image, reach, middle = Image.new("RGBA", (SIZE_PX, SIZE_PX)), SIZES[size], SIZE_PX // 2
    pen, box = ImageDraw.Draw(image), (middle - reach, middle - reach, middle + reach - 1, middle + reach - 1)
    ink = (*COLOURS[colour], 255)
    third = max(1, reach // 3)
    if shape == "circle":
        pen.ellipse(box, fill=ink)
    elif shape == "square":
        pen.rectangle(box, fill=ink)
    if shape == "cross":
        pen.rectangle((middle - third, box[1], middle + third - 1, box[3]), fill=ink)
    if shape in ("cross", "bar"):
        pen.rectangle((box[0], middle - third, box[2], middle + third - 1), fill=ink)
    if style == "hollow":
        inner = 1 if shape in ("cross", "bar") else third
        pen.rectangle((middle - inner, middle - inner, middle + inner - 1, middle + inner - 1), fill=(0, 0, 0, 0))
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


RECIPE = PictureRecipe("a minute: coloured shapes made by rule, to see that everything works", config, obtain)
