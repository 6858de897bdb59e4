"""`makar trace`: what a text repeats, and of which documents."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from makar.cli._words import output_path, read_stdin
from makar.kit.files import atomic_write

if TYPE_CHECKING:
    from makar.tracing.index import Place
    from makar.tracing.report import Trace

SHOWN_CHARS = 110


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    parser = commands.add_parser("trace", help="what of a text stands in which documents", description="Shows every "
                                 "span that a corpus holds verbatim, and edited copies. Tokens are words.")
    parser.add_argument("file", metavar="FILE", help="a text or code file; '-' is standard input")
    parser.add_argument("--corpus", action="append", default=[], metavar="C", help="a corpus, a folder, or an index by "
                        "name or path (can be given several times; all that are indexed where none is)")
    parser.add_argument("--min-tokens", type=int, default=20, metavar="N", help="the shortest span to show (20)")
    parser.add_argument("--verbatim", action="store_true", help="leave out edited copies")
    parser.add_argument("--html", type=Path, metavar="PAGE", help="write a page with the spans highlighted")
    parser.add_argument("--json", action="store_true", help="print the trace as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Prints what was found."""
    from makar.verbs.trace import trace

    page = None if args.html is None else output_path(args.html)
    text = read_stdin() if args.file == "-" else Path(args.file)
    found = trace(text, args.corpus, min_tok=args.min_tokens, edited=not args.verbatim)
    if page is not None:
        from makar.tracing.page import page as page_of

        atomic_write(page, page_of(found))
        print(f"wrote {page}", file=sys.stderr)
    if args.json:
        print(json.dumps(found.record, indent=2, ensure_ascii=False))
    else:
        _print(found)
    return 0


def _print(found: Trace) -> None:
    for span in found.spans:
        _print_one(f"verbatim, {span.num_tok} tokens", found.content[span.start:span.end], (span.start, span.end),
                   span.places[0])
        if span.num_places > 1:
            print(f"    and in {span.num_places - 1:,} more places")
    for passage in found.passages:
        _print_one(f"{passage.share_frac:.0%} of {passage.num_tok} tokens", found.content[passage.start:passage.end],
                   (passage.start, passage.end), passage.place)
    print(found.statement)


def _print_one(what: str, text: str, at: tuple[int, int], place: Place) -> None:
    words = " ".join(text.split())
    shown = words if len(words) <= SHOWN_CHARS else f"{words[:SHOWN_CHARS // 2]} ... {words[-SHOWN_CHARS // 2:]}"
    print(f"{at[0]}-{at[1]}  {what}\n    \"{shown}\"")
    print(f"    {place.document} at byte {place.offset_bytes:,}, licence {place.licence} ({place.source})")
    print(f"    context: ...{place.before[-50:]}[...]{place.after[:50]}...\n")
