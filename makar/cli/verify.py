"""`makar verify`: who signed a file, whose mark it carries, which release it is."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from makar.cli.ledger import printable
from makar.kit.errors import BadInput, Stopped
from makar.kit.progress import Progress

if TYPE_CHECKING:
    from makar.provenance.recognise import Finding


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    parser = commands.add_parser("verify", help="who signed a file, and whether it was changed", description="Looks "
                                 "for a signature, a mark, a fingerprint and an entry in the ledger. Exit 0 when every "
                                 "file is signed by a trusted key and unchanged, else 3.")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="a file, or a folder with all in it")
    parser.add_argument("--json", action="store_true", help="print all that was found as JSON lines")
    parser.add_argument("--ledger", metavar="FILE", type=Path, help="another ledger than the one in Makar's home")
    parser.add_argument("--model", metavar="NAME", help="a language model on this machine that may have written them: "
                        "finds the mark in shorter and in edited texts (default: the one that the record names)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Prints what was found of each file; 3 unless all are signed, trusted and unchanged."""
    from makar.ledger import open_ledger
    from makar.verbs.verify import files_of, verify_all

    if args.ledger is not None and not args.ledger.is_file():
        raise BadInput(f"there is no ledger '{args.ledger}'")
    files = files_of(args.files)
    if not files:
        raise BadInput("there is no file in what was named; signatures (.c2pa) and hidden files do not count")
    table = len(files) > 1 and not args.json
    width = min(48, max(len(str(file)) for file in files))
    counts = dict[str, int]()
    with open_ledger(args.ledger) as ledger, Progress("verifying", len(files), "files") as progress:
        for file, found in zip(files, verify_all(files, ledger=ledger, model=args.model), strict=True):
            progress.advance(1)
            word = _print(file, found, as_json=args.json, width=width if table else 0)
            counts[word] = counts.get(word, 0) + 1
    if table:
        print(f"{len(files):,} files: " + "; ".join(f"{count:,} {word}" for word, count in sorted(counts.items())))
    return 0 if set(counts) == {"signed"} else Stopped.exit_code


def _print(file: Path, found: Finding | BadInput, *, as_json: bool, width: int) -> str:
    """Prints one file and returns what it counts as. `width`: of the table's first column, 0 for all sentences."""
    from makar.provenance.statements import in_short

    if isinstance(found, BadInput):
        print(json.dumps({"path": str(file), "error": str(found)}) if as_json else f"{file}\n  {found}")
        return "unreadable"
    if as_json:
        print(json.dumps(found.record, ensure_ascii=False))
    elif width:
        key = f"key {found.signature.key}" if found.signature.key else found.media_type
        print(printable(f"{_shortened(str(file), width):<{width}}  {in_short(found):<28}  {key}"))
    else:
        print(printable("\n".join([str(file), *(f"  {sentence}" for sentence in found.says)])))
    sys.stdout.flush()
    return "signed" if found.ok else in_short(found)


def _shortened(name: str, width: int) -> str:
    return name if len(name) <= width else f"...{os.fsencode(name).decode(errors='replace')[3 - width:]}"
