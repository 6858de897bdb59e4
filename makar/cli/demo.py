"""`makar demo`: a few works, made for real, on one page."""

from __future__ import annotations

import argparse
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from makar.apps.demo.exhibit import Exhibit, Request


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    parser = commands.add_parser("demo", help="make a few works and a page that shows them", description="Makes an "
                                 "article, a tested function, a JSON answer and a work that must not leave, and writes "
                                 "them with their records into a folder with one page.")
    parser.add_argument("-o", "--output", type=Path, default=Path("makar-demo"), metavar="FOLDER",
                        help="the folder to write (default: makar-demo)")
    parser.add_argument("--model", metavar="NAME",
                        help="a model of 'makar models list' (default: the one for this machine)")
    parser.add_argument("--open", action="store_true", help="show the page in a browser at the end")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Makes the works, writes the page, prints how each went. A withheld work is a result, not an error."""
    from makar.apps.demo.performance import perform

    page, chain = perform(args.output, args.model, before=_begun, after=_ended)
    print(f"the ledger's {chain.num_stamps} stamps verify: {'yes' if chain.ok else 'NO'}")
    print(page.resolve())
    if args.open:
        webbrowser.open(page.resolve().as_uri())
    return 0 if chain.ok else 2


def _begun(number: int, num_works: int, request: Request) -> None:
    print(f"{number}/{num_works} {request.title} ...", end=" ", flush=True)


def _ended(exhibit: Exhibit) -> None:
    why = "" if exhibit.released else f" ({'; '.join(exhibit.reasons)})"
    print(f"{exhibit.outcome} after {exhibit.seconds:.1f} s{why}", flush=True)
