"""`makar replay`: makes works again from their records."""

from __future__ import annotations

import argparse
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from makar.cli._words import output_path
from makar.kit.errors import BadInput
from makar.kit.files import atomic_write

DIFFERENT = 3


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    parser = commands.add_parser("replay", help="make a work again, byte for byte", description="Makes works again "
                                 "from what the ledger has of them. Exit 0 when all are the same, else 3.")
    parser.add_argument("works", nargs="+", metavar="ID", help="the beginning of a work's id")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="write the work there as it is now (one ID)")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="how many are made at the same time (1)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Prints one line for each work."""
    from makar.ledger import open_ledger
    from makar.verbs.replay import replay

    if args.output is not None and len(args.works) > 1:
        raise BadInput("-o writes one work; name one ID")
    if args.jobs < 1:
        raise BadInput("--jobs is a number from 1")
    target = None if args.output is None else output_path(args.output)
    same = True
    with open_ledger() as ledger, ThreadPoolExecutor(args.jobs) as pool:
        for done in pool.map(lambda work: replay(work, ledger=ledger), args.works):
            print(done.says, flush=True)
            same = same and done.same
            if target is not None:
                atomic_write(target, done.content)
    return 0 if same else DIFFERENT
