"""`makar ledger`: read the book of stamps, check it, take it along."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from makar.cli._words import output_path
from makar.kit.errors import BadInput

if TYPE_CHECKING:
    from makar.ledger import Ledger, Stamp

MOST_LINES = 20
SHORT_CHARS = 2_000


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command group."""
    group = commands.add_parser("ledger", help="read, verify and export the ledger",
                                description="Every request, work, verdict, decision and release is a stamp in the "
                                            "ledger: a hash chain that only grows.")
    group.add_argument("--ledger", metavar="FILE", type=Path, help="another ledger than the one in Makar's home")
    actions = group.add_subparsers(title="actions", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="the stamps, newest first")
    listing.add_argument("--kind", help="only this kind: request, artifact, release, withheld, ...")
    listing.add_argument("--limit", type=int, default=MOST_LINES, metavar="N", help=f"at most N ({MOST_LINES}); 0: all")
    listing.add_argument("--since", type=int, default=0, metavar="SEQ", help="only stamps after this number")
    listing.set_defaults(run=run_list)
    show = actions.add_parser("show", help="one stamp, or all stamps about a work, with their contents")
    show.add_argument("id", metavar="ID", help="the beginning of the id of a stamp or of a work")
    show.add_argument("--full", action="store_true", help=f"contents longer than {SHORT_CHARS:,} characters too")
    show.set_defaults(run=run_show)
    actions.add_parser("verify", help="check every stamp and content").set_defaults(run=run_verify)
    export = actions.add_parser("export", help="write all stamps and contents as JSON lines")
    export.add_argument("file", metavar="FILE", type=Path)
    export.set_defaults(run=run_export)


def run_list(args: argparse.Namespace) -> int:
    """Prints one line per stamp."""
    if args.limit < 0 or args.since < 0:
        raise BadInput("--limit and --since are numbers from 0")
    with _open(args) as ledger:
        num = 0
        for stamp in ledger.stamps(args.kind, args.since, newest_first=True, limit=args.limit or None):
            num += 1
            print(f"{stamp.seq:>6}  {stamp.id[:16]}  {stamp.at[:19]}  {stamp.kind:<10}  {gist(stamp)}".rstrip())
        if num == 0:
            print(f"no stamps{f' of the kind {args.kind}' if args.kind else ''} in {ledger.path}")
    return 0


def run_show(args: argparse.Namespace) -> int:
    """Prints a stamp, or the stamps about a work."""
    with _open(args) as ledger:
        for number, stamp in enumerate(_found(ledger, args.id)):
            print("" if number == 0 else "\n", end="")
            print(f"{stamp.kind} {stamp.id}\nnumber {stamp.seq}, {stamp.at}, after {stamp.prev[:16]}")
            print(printable(json.dumps(stamp.body, indent=2, ensure_ascii=False)))
            for name in stamp.contents:
                print(f"--- content {name[:16]}\n{_content(ledger.content(name), full=args.full)}")
    return 0


def run_verify(args: argparse.Namespace) -> int:
    """Says whether the ledger is whole; 2 if it is not."""
    with _open(args) as ledger:
        report, path = ledger.verify(), ledger.path
    if report.ok:
        print(f"whole: {report.num_stamps:,} stamps in {path}, each as it was written; the last is {report.head}")
        return 0
    print(f"BROKEN: {path} is not as it was written ({report.num_stamps:,} stamps read):")
    for problem in report.problems:
        print(printable(f"  {problem}"))
    print("Keep the file, restore a copy, and trust no release that is named here.")
    return 2


def run_export(args: argparse.Namespace) -> int:
    """Writes the JSON lines."""
    with _open(args) as ledger:
        num_stamps = ledger.export(output_path(args.file))
    print(f"{num_stamps:,} stamps in {args.file}")
    return 0


def gist(stamp: Stamp) -> str:
    """What a stamp is about, in a few words."""
    body = stamp.body
    words = {
        "request": lambda: f"{body.get('room')} by {body.get('model')} under policy {body.get('policy')}",
        "window": lambda: f"{body.get('num_chars')} characters left, from {body.get('start')}",
        "artifact": lambda: f"{body.get('room')} {body.get('num_tok')} tokens by {_name(body.get('checkpoint'))}",
        "verdicts": lambda: _verdicts(body.get("verdicts", ())),
        "decision": lambda: f"{body.get('action')} by {body.get('by')}",
        "withheld": lambda: f"{body.get('action')}: {'; '.join(body.get('reasons', ()))}",
        "partial": lambda: f"{body.get('num_tok')} tokens, {body.get('why')}",
        "checkpoint": lambda: f"{body.get('recipe')} step {body.get('step')}, weights {str(body.get('sha256'))[:12]}, "
                              f"data {str(body.get('corpus_root'))[:12]}",
        "review": lambda: f"{body.get('verb')} by {body.get('by')}: {body.get('why')}",
    }.get(stamp.kind, lambda: "")()
    work = body.get("work")
    return printable(f"{work}  {words}" if isinstance(work, str) else words)[:140]


def printable(text: str) -> str:
    """Text that cannot steer a terminal: control characters but newline and tab are spelled out."""
    return "".join(char if char.isprintable() or char in "\n\t" else char.encode("unicode_escape").decode()
                   for char in text)


def _open(args: argparse.Namespace) -> Ledger:
    from makar.ledger import open_ledger

    if args.ledger is not None and not args.ledger.is_file():
        raise BadInput(f"there is no ledger '{args.ledger}'")
    return open_ledger(args.ledger)


def _found(ledger: Ledger, wanted: str) -> list[Stamp]:
    return ledger.work(wanted) or [ledger.get(wanted)]


def _content(data: bytes, *, full: bool) -> str:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return f"({len(data):,} bytes that are not text)"
    if len(text) <= SHORT_CHARS or full:
        return printable(text)
    return printable(text[:SHORT_CHARS]) + f"\n... ({len(text):,} characters; --full shows all)"


def _name(checkpoint: Mapping[str, Any] | None) -> str:
    return str((checkpoint or {}).get("name"))


def _verdicts(verdicts: list[dict[str, Any]]) -> str:
    failed = [str(verdict.get("check")) for verdict in verdicts if not verdict.get("passed")]
    return f"{len(verdicts)} judged, " + (f"failed: {', '.join(failed)}" if failed else "all passed")
