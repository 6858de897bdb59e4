"""`makar train image/icons_clean...`: a recipe, a pack, an autoencoder that cleans what a model draws."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from makar.cli._settings import configured
from makar.cli._training import begun_or_found, expect_unfinished, folder_of, follow

if TYPE_CHECKING:
    from makar.train.autoencoder.loop import Progress
    from makar.train.autoencoder.recipe import AutoencoderRecipe
    from makar.train.autoencoder.run import Prepared


def run(args: argparse.Namespace, recipe: AutoencoderRecipe) -> int:
    """Prepares or reopens the run, trains, and says where the model is."""
    from makar.train.autoencoder.run import facts_of, open_session, prepare, reopen, watched

    out = folder_of(args)
    if args.only_data:
        pack = recipe.obtain(out)
        print(f"{pack.folder}")
        print(f"{pack.facts['num_pictures']:,} pictures, root {pack.root}", file=sys.stderr)
        return 0

    def begin() -> Prepared:
        config = configured(recipe.config(), args)
        return prepare(out, config, args.data or recipe.obtain(out).folder)

    prepared = begun_or_found(args, begin, lambda: reopen(out, args.data))
    session = open_session(prepared, resume=args.resume, minutes=args.minutes)
    expect_unfinished(out, session.clock)
    print(f"{prepared.config.recipe}: {facts_of(session)}", file=sys.stderr)
    return follow(watched(prepared, session), session.clock, _looked, _line, 'makar image --model NAME "..."')


def _looked(progress: Progress) -> bool:
    return progress.train_error is not None


def _line(progress: Progress) -> str:
    error = f"  error {progress.error:.2f}" if progress.error is not None else ""
    return (f"loss {progress.loss:.4f}{error}  {progress.pictures_per_s:,.0f} pictures/s  "
            f"{progress.left_s:,.0f} s left")
