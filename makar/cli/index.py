"""`makar index`: makes a folder or a corpus something to trace in and to check against."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from makar.kit.progress import Progress

if TYPE_CHECKING:
    from makar.tracing.origin import Document


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    parser = commands.add_parser("index", help="index a folder or a corpus, to trace in it")
    parser.add_argument("folder", metavar="FOLDER", help="a folder of text or code, one file, or a corpus")
    parser.add_argument("-o", "--output", metavar="INDEX", type=Path, help="the index's folder (default: in Makar's "
                        "home, where 'makar trace' finds it)")
    parser.add_argument("--licence", default="unknown", metavar="SPDX", help="of files of "
                        "which neither their head nor their folder tells one")
    parser.add_argument("--name", default="", help="what to call it (default: the folder's name)")
    parser.add_argument("--verify", action="store_true", help="build nothing: hash every file of the index of that "
                        "name or folder, and look whether its source is as it was")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Builds the index and says what is in it."""
    from makar.tracing.shelf import num_documents, open_current
    from makar.verbs.trace import index

    if args.verify:
        there = open_current(args.folder)
        there.verify()
        print(f"{there.name}: {len(there.about['files']):,} files are as they were built, root {there.root[:16]}")
        return 0

    with Progress("reading", num_documents(args.folder), "documents") as progress:
        def told(document: Document) -> None:
            progress.advance(1, document.id[-40:])

        made = index(args.folder, args.output, licence=args.licence, name=args.name, told=told)
    print(f"{made.name}: {made.num_documents:,} documents, {made.num_tok:,} tokens, root {made.root[:16]}, "
          f"in {made.path}")
    for why, count in sorted(made.about.get("skipped", {}).items()):
        print(f"left out: {count:,} {why}")
    return 0
