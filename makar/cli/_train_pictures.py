"""`makar train image/...`: a recipe or a folder of pictures, a pack, a model."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from makar.cli._settings import configured
from makar.cli._training import folder_of, pack_of, tell_pack, train

if TYPE_CHECKING:
    from makar.codecs.prompts import Prompts
    from makar.train.pictures.config import Config
    from makar.train.pictures.loop import Progress
    from makar.train.pictures.recipe import PictureRecipe
    from makar.train.pictures.run import Prepared


def run(args: argparse.Namespace, recipe: PictureRecipe) -> int:
    """Prepares or reopens the run, trains, and says where the model is."""
    from makar.train.pictures import run as kind

    out = folder_of(args)

    def pack(config: Config) -> Path:
        words = _words(config)
        return pack_of(args, out, lambda folder: recipe.obtain(folder, words), config.net.size_px, words)

    def begin() -> Prepared:
        config = configured(recipe.config(), args)
        return kind.prepare(out, config, pack(config))

    if args.only_data:
        return tell_pack(pack(configured(recipe.config(), args)))
    return train(args, kind, begin, _looked, _line)


def _words(config: Config) -> Prompts | None:
    """How the model that the run begins with was told words, if there is one."""
    from makar.train.pictures.run import words_of

    return words_of(config.start) if config.start else None


def _looked(progress: Progress) -> bool:
    return progress.train_loss is not None


def _line(progress: Progress) -> str:
    held_out = (f"  held out {progress.validation_loss:.4f} (trained on {progress.train_loss:.4f})"
                if progress.validation_loss is not None else "")
    return (f"loss {progress.loss:.4f}{held_out}  {progress.pictures_per_s:,.0f} pictures/s  "
            f"{progress.left_s:,.0f} s left")
