"""`makar train image/avatars...`: a recipe, a file of pictures with attributes, a painter."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from makar.cli._settings import configured
from makar.cli._training import folder_of, train

if TYPE_CHECKING:
    from makar.train.contest.loop import Progress
    from makar.train.contest.recipe import ContestRecipe
    from makar.train.contest.run import Prepared


def run(args: argparse.Namespace, recipe: ContestRecipe) -> int:
    """Prepares or reopens the run, trains, and says where the model is."""
    from makar.train.contest import run as kind

    out = folder_of(args)
    if args.only_data:
        print(recipe.obtain(out, configured(recipe.config(), args).num_pictures))
        return 0

    def begin() -> Prepared:
        config = configured(recipe.config(), args)
        return kind.prepare(out, config, args.data or recipe.obtain(out, config.num_pictures))

    return train(args, kind, begin, _looked, _line)


def _looked(progress: Progress) -> bool:
    return progress.train_error is not None


def _line(progress: Progress) -> str:
    error = f"  error {progress.error:.2f}" if progress.error is not None else ""
    return (f"painter {progress.loss:.3f}  critic {progress.critic_loss:.3f}{error}  "
            f"{progress.pictures_per_s:,.0f} pictures/s  {progress.left_s:,.0f} s left")
