"""`makar train image/...`: a recipe or a folder of pictures, a pack, a model."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from makar.cli._settings import configured
from makar.cli._training import folder_of, tell_pack, train

if TYPE_CHECKING:
    from makar.train.pictures.config import Config
    from makar.train.pictures.loop import Progress
    from makar.train.pictures.recipe import PictureRecipe
    from makar.train.pictures.run import Prepared


def run(args: argparse.Namespace, recipe: PictureRecipe) -> int:
    """Prepares or reopens the run, trains, and says where the model is."""
    from makar.train.pictures import run as kind

    out = folder_of(args)
    if args.only_data:
        return tell_pack(recipe.obtain(out))

    def begin() -> Prepared:
        config = configured(recipe.config(), args)
        return kind.prepare(out, config, _pack(args, out, recipe, config))

    return train(args, kind, begin, _looked, _line)


def _looked(progress: Progress) -> bool:
    return progress.train_loss is not None


def _line(progress: Progress) -> str:
    held_out = (f"  held out {progress.validation_loss:.4f} (trained on {progress.train_loss:.4f})"
                if progress.validation_loss is not None else "")
    return (f"loss {progress.loss:.4f}{held_out}  {progress.pictures_per_s:,.0f} pictures/s  "
            f"{progress.left_s:,.0f} s left")


def _pack(args: argparse.Namespace, out: Path, recipe: PictureRecipe, config: Config) -> Path:
    """The pack that is named, made of the folder that is named, or the recipe's own."""
    if args.data is None:
        return recipe.obtain(out).folder
    if (args.data / "pack.json").is_file():
        return Path(args.data)
    from makar.curation.pictures.gather import Gathering, gather
    from makar.curation.pictures.sources.folder import folder_source
    from makar.train.pictures.run import words_of

    settings = Gathering(size_px=config.net.size_px, accept=None, num_workers=0,
                         like=words_of(config.start) if config.start else None)
    pack = gather(out, [folder_source(args.data, args.licence)], settings)
    for why, num in sorted(pack.facts["dropped"].items()):
        print(f"makar: {num:,} of the pictures left out: {why}", file=sys.stderr)
    return pack.folder
