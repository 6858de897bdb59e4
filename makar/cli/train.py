"""`makar train`: a recipe, a folder, a model."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from makar import recipes
from makar.cli import _train_autoencoder, _train_contest, _train_pictures
from makar.cli._settings import configured
from makar.cli._training import begun_or_found, expect_unfinished, folder_of, follow
from makar.kit.errors import BadInput
from makar.kit.lock import alone_in

if TYPE_CHECKING:
    from makar.train.loop import Progress
    from makar.train.prepare import Prepared

EXAMPLES = """examples:
  makar train text/tiny
  makar train text/prose --data books/ --minutes 20
  makar train code/python --set size=6 --set optimise.name=adamw -o runs/python
  makar train text/prose --resume -o runs/text-prose
  makar train image/icons --minutes 9
  makar train image/avatars_cpu --minutes 30
  makar train image --data my-pictures/ --minutes 10
  makar train lora --data letters/ --set adapt.base=qwen2.5-coder-0.5b
"""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    parser = commands.add_parser("train", help="train or adapt a model on data you can name", epilog=EXAMPLES,
                                 formatter_class=argparse.RawDescriptionHelpFormatter,
                                 description="Trains, and writes checkpoints that `makar models add` serves.")
    parser.add_argument("recipe", metavar="RECIPE", help=f"one of: {', '.join(recipes.names())}")
    parser.add_argument("--data", type=Path, metavar="PATH", help="a folder of texts or a corpus; a folder of "
                        "pictures or a pack of them")
    parser.add_argument("--licence", default="unknown", help="the licence of what is in a folder (SPDX)")
    parser.add_argument("--set", action="append", default=[], metavar="A.B=C", dest="settings",
                        help="change a setting of the recipe, such as size=6 or optimise.rate=0.001")
    parser.add_argument("--minutes", type=float, metavar="N", help="end after N minutes, the fall of the rate included")
    parser.add_argument("--only-data", action="store_true", help="of a recipe of pictures: make its data and stop")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint of a run")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), help="where to compute (default: a GPU if there "
                        "is one)")
    parser.add_argument("-o", "--output", type=Path, metavar="FOLDER", help="the run's folder (default: runs/RECIPE)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Prepares or reopens the run, trains, and says how to use what came of it."""
    if args.minutes is not None and not args.minutes > 0:
        raise BadInput(f"--minutes: expected a number above 0, got {args.minutes}")
    args.recipe = recipes.full_name(args.recipe)
    if args.recipe.startswith("image/"):
        from makar.train.autoencoder.recipe import AutoencoderRecipe
        from makar.train.contest.recipe import ContestRecipe

        recipe = recipes.load(args.recipe)
        if isinstance(recipe, ContestRecipe):
            return _train_contest.run(args, recipe)
        if isinstance(recipe, AutoencoderRecipe):
            return _train_autoencoder.run(args, recipe)
        return _train_pictures.run(args, recipe)
    if args.only_data:
        raise BadInput("--only-data is for recipes of pictures (image/...)")
    return _run_text(args)


def _run_text(args: argparse.Namespace) -> int:
    from makar.train.run import open_session, trained_weights, watched

    prepared = begun_or_found(args, lambda: _begin(args), lambda: _find(args))
    with alone_in(prepared.out):
        session = open_session(prepared, resume=args.resume, minutes=args.minutes, device=args.device)
        expect_unfinished(prepared.out, session.clock)
        num_params = sum(weight.numel() for weight in trained_weights(session.learner.net).values())
        print(f"{prepared.config.recipe}: {num_params:,} weights to train, {prepared.data['train_tok']:,} tokens of "
              f"{prepared.data['num_documents']:,} documents, {session.device.type} {prepared.config.precision}, "
              f"ceiling {session.ceiling_flops / 1e9:,.0f} GFLOP/s", file=sys.stderr)
        return follow(watched(prepared, session), session.clock, _looked, _line, 'makar text --model NAME "..."')


def _looked(progress: Progress) -> bool:
    return progress.validation_loss is not None


def _line(progress: Progress) -> str:
    held_out = f"  held out {progress.validation_loss:.3f}" if progress.validation_loss is not None else ""
    return (f"loss {progress.loss:.3f}{held_out}  {progress.tok_per_s:,.0f} tok/s  {progress.ceiling_frac:.0%} of "
            f"ceiling  {progress.left_s:,.0f} s left")


def _begin(args: argparse.Namespace) -> Prepared:
    from makar.train.prepare import prepare
    from makar.train.source import open_source

    recipe, out = recipes.load(args.recipe), folder_of(args)
    config = configured(recipe.config(), args)
    if args.data is None and recipe.obtain is None:
        raise BadInput(f"{args.recipe} needs your data: --data FOLDER (of .txt or .md files) or --data CORPUS")
    source = open_source(args.data, args.licence) if args.data is not None or recipe.obtain is None else \
        recipe.obtain(out / "source")
    return prepare(out, config, source, args.minutes)


def _find(args: argparse.Namespace) -> Prepared:
    from makar.train.prepare import reopen

    if args.data:
        raise BadInput("a run on texts that is resumed keeps its data; leave out --data")
    return reopen(folder_of(args))
