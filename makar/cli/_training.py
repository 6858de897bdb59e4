"""What every kind of training shows while it runs, and how a run is begun or found again."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from makar.kit.errors import BadInput
from makar.kit.lock import alone_in
from makar.train.begun import expect_run_of

if TYPE_CHECKING:
    from makar.codecs.pack import Pack
    from makar.codecs.prompts import Prompts
    from makar.train.clock import Clock


class Progress(Protocol):
    """A step, and where its checkpoint is if one was written."""

    @property
    def step(self) -> int:
        """Counted from 1."""

    @property
    def checkpoint(self) -> Path | None:
        """Its folder."""


P = TypeVar("P", bound=Progress)
Prepared = TypeVar("Prepared")


def folder_of(args: argparse.Namespace) -> Path:
    """The run's folder."""
    return Path(args.output or Path("runs") / args.recipe.replace("/", "-"))


def begun_or_found(args: argparse.Namespace, begin: Callable[[], Prepared], find: Callable[[], Prepared]) -> Prepared:
    """A new run, or with --resume the one that is there.

    Raises: BadInput (a run that goes on was given settings, or is of another recipe), NotHere, what both raise
    """
    if not args.resume:
        return begin()
    expect_run_of(folder_of(args), args.recipe)
    if args.settings:
        raise BadInput("a run that is resumed keeps its settings; leave out --set")
    return find()


def expect_unfinished(out: Path, clock: Clock) -> None:
    """Raises: BadInput (there is no step left to take)"""
    if clock.step >= clock.last_step:
        raise BadInput(f"the run in '{out}' is over: it has its {clock.step:,} steps")


def train(args: argparse.Namespace, kind: ModuleType, begin: Callable[[], Any], looked: Callable[[Any], bool],
          line: Callable[[Any], str]) -> int:
    """Begins or reopens a run on pictures, follows it to its end, and says where the model is.

    kind: the module of that kind of run, with `reopen`, `open_session`, `facts_of` and `watched`
    Raises: as `begun_or_found` and what those raise
    """
    out = folder_of(args)
    prepared = begun_or_found(args, begin, lambda: kind.reopen(out, args.data))
    with alone_in(out):
        session = kind.open_session(prepared, resume=args.resume, minutes=args.minutes)
        expect_unfinished(out, session.clock)
        print(f"{prepared.config.recipe}: {kind.facts_of(session)}", file=sys.stderr)
        return follow(kind.watched(prepared, session), session.clock, looked, line, 'makar image --model NAME "..."')


def pack_of(args: argparse.Namespace, out: Path, obtain: Callable[[Path], Pack], size_px: int,
            like: Prompts | None = None) -> Path:
    """The pack that is named, made of the folder of pictures that is named, or the recipe's own.

    like: how the model that is to be trained on was told words
    Raises: NotHere, BadInput (no pictures), what `obtain` raises
    """
    if args.data is None:
        return obtain(out).folder
    if (args.data / "pack.json").is_file():
        return Path(args.data)
    from makar.curation.pictures.gather import Gathering, gather
    from makar.curation.pictures.sources.folder import folder_source

    pack = gather(out, [folder_source(args.data, args.licence)],
                  Gathering(size_px=size_px, accept=None, num_workers=0, like=like))
    for why, num in sorted(pack.facts["dropped"].items()):
        print(f"makar: {num:,} of the pictures left out: {why}", file=sys.stderr)
    return pack.folder


def tell_pack(folder: Path) -> int:
    """Says where a pack is and what is in it; nothing else was asked for.

    Raises: Damaged
    """
    from makar.codecs.pack import open_pack

    pack = open_pack(folder)
    print(pack.folder)
    print(f"{pack.facts['num_pictures']:,} pictures, root {pack.root}", file=sys.stderr)
    return 0


def follow(progresses: Iterator[P], clock: Clock, looked: Callable[[P], bool], line: Callable[[P], str],
           use: str) -> int:
    """Shows the run as it goes, then where its model is and the command that uses it. Returns the exit code.

    looked: whether the run measured itself after that step; line: a step in words, without its number
    """
    folder, shown = None, _Shown()
    for progress in progresses:
        folder = progress.checkpoint or folder
        shown.show(f"step {progress.step:,}/{clock.last_step:,}  {line(progress)}",
                   keep=progress.step in (1, clock.last_step) or looked(progress))
    print(f"{folder}")
    print(f"use it: makar models add {folder} --name NAME && {use}", file=sys.stderr)
    return 0


class _Shown:
    """One line of progress on standard error: redrawn on a terminal, else one now and then. Some are to be kept."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._drawn_s = 0.0

    def show(self, line: str, *, keep: bool) -> None:
        """Draws, unless it just has."""
        now_s = time.monotonic()
        if not keep and now_s - self._drawn_s < (0.2 if self._live else 10.0):
            return
        self._drawn_s = now_s
        sys.stderr.write(f"\r{line:<110}" + ("\n" if keep else "") if self._live else f"{line}\n")
        sys.stderr.flush()
