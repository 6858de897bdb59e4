"""`makar train image/icons_clean...`: a recipe, a pack, an autoencoder that cleans what a model draws."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from makar.cli._settings import configured
from makar.cli._training import folder_of, pack_of, tell_pack, train

if TYPE_CHECKING:
    from makar.train.autoencoder.config import Config
    from makar.train.autoencoder.loop import Progress
    from makar.train.autoencoder.recipe import AutoencoderRecipe
    from makar.train.autoencoder.run import Prepared


def run(args: argparse.Namespace, recipe: AutoencoderRecipe) -> int:
    """Prepares or reopens the run, trains, and says where the model is."""
    from makar.train.autoencoder import run as kind

    out = folder_of(args)

    def pack(config: Config) -> Path:
        return pack_of(args, out, recipe.obtain, kind.architecture_of(config).made_px)

    def begin() -> Prepared:
        config = configured(recipe.config(), args)
        return kind.prepare(out, config, pack(config))

    if args.only_data:
        return tell_pack(pack(configured(recipe.config(), args)))
    return train(args, kind, begin, _looked, _line)


def _looked(progress: Progress) -> bool:
    return progress.train_error is not None


def _line(progress: Progress) -> str:
    error = f"  error {progress.error:.2f}" if progress.error is not None else ""
    return (f"loss {progress.loss:.4f}{error}  {progress.pictures_per_s:,.0f} pictures/s  "
            f"{progress.left_s:,.0f} s left")
