"""`makar train image/...`: a recipe or a folder of pictures, a pack, a model."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from makar.cli._settings import configured
from makar.kit.errors import BadInput

if TYPE_CHECKING:
    from makar.train.pictures.config import Config
    from makar.train.pictures.loop import Progress
    from makar.train.pictures.recipe import PictureRecipe
    from makar.train.pictures.run import Prepared


def run(args: argparse.Namespace, recipe: PictureRecipe) -> int:
    """Prepares or reopens the run, trains, and says where the model is."""
    out = args.output or Path("runs") / args.recipe.replace("/", "-")
    if args.only_data:
        pack = recipe.obtain(out)
        print(f"{pack.folder}")
        print(f"{pack.facts['num_pictures']:,} pictures, root {pack.root}", file=sys.stderr)
        return 0
    prepared = _prepared(args, out, recipe)
    from makar.train.pictures.run import facts_of, open_session, watched

    session = open_session(prepared, resume=args.resume, minutes=args.minutes)
    if session.clock.step >= session.clock.last_step:
        raise BadInput(f"the run in '{out}' is over: it has its {session.clock.step:,} steps")
    print(f"{prepared.config.recipe}: {facts_of(session)}", file=sys.stderr)
    folder, drawn_s = None, 0.0
    for progress in watched(prepared, session):
        folder = progress.checkpoint or folder
        told = progress.validation_loss is not None or progress.step in (1, session.clock.last_step)
        if told or time.monotonic() - drawn_s > 10:
            drawn_s = time.monotonic()
            print(_line(progress, session.clock.last_step), file=sys.stderr, flush=True)
    print(f"{folder}")
    return 0


def _line(progress: Progress, last_step: int) -> str:
    held_out = (f"  held out {progress.validation_loss:.4f} (trained on {progress.train_loss:.4f})"
                if progress.validation_loss is not None else "")
    return (f"step {progress.step:,}/{last_step:,}  loss {progress.loss:.4f}{held_out}  "
            f"{progress.pictures_per_s:,.0f} pictures/s  {progress.left_s:,.0f} s left")


def _prepared(args: argparse.Namespace, out: Path, recipe: PictureRecipe) -> Prepared:
    from makar.train.pictures.run import prepare, reopen

    if args.resume:
        if args.settings:
            raise BadInput("a run that is resumed keeps its settings; leave out --set")
        return reopen(out, args.data)
    config = configured(recipe.config(), args)
    return prepare(out, config, _pack(args, out, recipe, config))


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
