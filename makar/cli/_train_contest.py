"""`makar train image/avatars...`: a recipe, a file of pictures with attributes, a painter."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from makar.cli._settings import configured
from makar.kit.errors import BadInput

if TYPE_CHECKING:
    from makar.train.contest.loop import Progress
    from makar.train.contest.recipe import ContestRecipe
    from makar.train.contest.run import Prepared


def run(args: argparse.Namespace, recipe: ContestRecipe) -> int:
    """Prepares or reopens the run, trains, and says where the model is."""
    out = args.output or Path("runs") / args.recipe.replace("/", "-")
    if args.only_data:
        print(recipe.obtain(out, configured(recipe.config(), args).num_pictures))
        return 0
    prepared = _prepared(args, out, recipe)
    from makar.train.contest.run import facts_of, open_session, watched

    session = open_session(prepared, resume=args.resume, minutes=args.minutes)
    if session.clock.step >= session.clock.last_step:
        raise BadInput(f"the run in '{out}' is over: it has its {session.clock.step:,} steps")
    print(f"{prepared.config.recipe}: {facts_of(session)}", file=sys.stderr)
    folder, drawn_s = None, 0.0
    for progress in watched(prepared, session):
        folder = progress.checkpoint or folder
        if progress.train_error is not None or time.monotonic() - drawn_s > 10:
            drawn_s = time.monotonic()
            print(_line(progress, session.clock.last_step), file=sys.stderr, flush=True)
    print(f"{folder}")
    return 0


def _line(progress: Progress, last_step: int) -> str:
    error = f"  error {progress.error:.2f}" if progress.error is not None else ""
    return (f"step {progress.step:,}/{last_step:,}  painter {progress.loss:.3f}  critic {progress.critic_loss:.3f}"
            f"{error}  {progress.pictures_per_s:,.0f} pictures/s  {progress.left_s:,.0f} s left")


def _prepared(args: argparse.Namespace, out: Path, recipe: ContestRecipe) -> Prepared:
    from makar.train.contest.run import prepare, reopen

    if args.resume:
        if args.settings:
            raise BadInput("a run that is resumed keeps its settings; leave out --set")
        return reopen(out, args.data)
    config = configured(recipe.config(), args)
    return prepare(out, config, args.data or recipe.obtain(out, config.num_pictures))
