"""`makar corpus`: what is in a corpus, what is not, and why."""

from __future__ import annotations

import argparse
import itertools
import json
from pathlib import Path
from typing import TYPE_CHECKING

from makar.kit.errors import BadInput

if TYPE_CHECKING:
    from makar.curation.corpus import Corpus
    from makar.curation.record import Dropped, Record

MOST_LINES = 20
MOST_NAMES = 12


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command group."""
    group = commands.add_parser("corpus", help="look into a corpus: documents, drops and their reasons, differences")
    actions = group.add_subparsers(title="actions", metavar="ACTION", required=True)
    show = _action(actions, "show", "what a corpus holds, or one document of it", run_show)
    show.add_argument("document", nargs="?", metavar="DOC", help="the beginning of an id, or a file of the sources")
    search = _action(actions, "search", "the documents that say something", run_search)
    search.add_argument("text", metavar="TEXT")
    search.add_argument("--regex", action="store_true", help="TEXT is a regular expression")
    search.add_argument("--split", help="only train, validation or test")
    why = _action(actions, "why", "why a document is in the corpus, or is not", run_why)
    why.add_argument("document", metavar="DOC", help="the beginning of an id, or a file of the sources")
    dropped = _action(actions, "dropped", "what was not kept, with the rules", run_dropped)
    dropped.add_argument("--reason", help="only this reason: quality, licence, near_duplicate, ...")
    for parser in (search, dropped):
        parser.add_argument("--limit", type=int, default=MOST_LINES, metavar="N",
                            help=f"at most N ({MOST_LINES}); 0: all")
    _action(actions, "verify", "check every document against its hash", run_verify)
    diff = _action(actions, "diff", "what changed from one corpus to another", run_diff)
    diff.add_argument("other", type=Path, metavar="OTHER")


def _action(actions: argparse._SubParsersAction[argparse.ArgumentParser], name: str, summary: str,
            run: object) -> argparse.ArgumentParser:
    parser = actions.add_parser(name, help=summary, description=summary)
    parser.add_argument("corpus", type=Path, metavar="CORPUS")
    parser.set_defaults(run=run)
    return parser


def run_show(args: argparse.Namespace) -> int:
    """Prints the counts of a corpus, or a document."""
    corpus = _opened(args.corpus)
    if args.document is None:
        print(overview(corpus))
        return 0
    from makar.curation.search import documents

    for number, document in enumerate(documents(corpus, args.document)):
        if number:
            print()
        print(explained(document))
        print(f"\n{document.content}")
    return 0


def run_search(args: argparse.Namespace) -> int:
    """Prints one line for each document that says it. Exit 0 also where none does."""
    from makar.curation.search import search

    found = 0
    hits = search(_opened(args.corpus), args.text, regex=args.regex, split=args.split)
    for hit in itertools.islice(hits, _limit(args)):
        found += 1
        print(f"{hit.record.id}  {hit.record.licence}  {hit.record.source}  ...{hit.context()}...")
    if not found:
        print(f"no document says '{args.text}'")
    return 0


def run_why(args: argparse.Namespace) -> int:
    """Prints what became of a document and what was done to it."""
    from makar.curation.search import documents

    for document in documents(_opened(args.corpus), args.document):
        print(explained(document))
    return 0


def run_dropped(args: argparse.Namespace) -> int:
    """Prints one line for each document that was not kept."""
    corpus = _opened(args.corpus)
    known = corpus.counts["dropped"]
    if args.reason is not None and args.reason not in known:
        from makar.kit.errors import UnknownName

        raise UnknownName("reason", args.reason, known)
    for one in itertools.islice(corpus.dropped(args.reason), _limit(args)):
        print(f"{one.id}  {one.reason:<15}  {one.source}  {one.rule}")
    return 0


def run_verify(args: argparse.Namespace) -> int:
    """Reads every document."""
    corpus = _opened(args.corpus)
    print(f"{corpus.verify():,} documents are as they were written; root {corpus.root}")
    return 0


def run_diff(args: argparse.Namespace) -> int:
    """Prints the settings that differ, and documents that only one corpus kept. Exit 0 also where they differ."""
    from makar.curation.compare import changes, num_only_in, only_in

    left, right = _opened(args.corpus), _opened(args.other)
    if left.root == right.root:
        print(f"the same: root {left.root}")
        return 0
    for change in changes(left, right):
        print(f"setting {change.setting}: {json.dumps(change.left)} -> {json.dumps(change.right)}")
    for sign, one, other in (("-", left, right), ("+", right, left)):
        print(f"{num_only_in(one, other):,} documents only in {one.path}")
        for moved in itertools.islice(only_in(one, other), MOST_LINES):
            print(f"{sign} {moved.record.id}  {moved.record.source}{f'  ({moved.why})' if moved.why else ''}")
    return 0


def overview(corpus: Corpus) -> str:
    """What a corpus holds, for a terminal."""
    from makar.cli.curate import summary

    path = corpus.path / "datasheet" / "statistics.json"
    counted = json.loads(path.read_text(encoding="utf-8"))["counts"] if path.exists() else {}
    lines = [summary(corpus)]
    for name in ("splits", "kinds", "licences", "languages", "personal_data"):
        rows = sorted(counted.get(name, {}).items(), key=lambda row: (-row[1], row[0]))
        if rows:
            more = f", and {len(rows) - MOST_NAMES} more" if len(rows) > MOST_NAMES else ""
            lines.append(f"  {name.replace('_', ' ')}: "
                         + ", ".join(f"{value} {number:,}" for value, number in rows[:MOST_NAMES]) + more)
    return "\n".join(lines)


def explained(document: Record | Dropped) -> str:
    """What became of a document, for a terminal."""
    from makar.curation.record import Dropped

    if isinstance(document, Dropped):
        fate = f"dropped by {document.reason}: {document.rule}"
    else:
        fate = f"kept, in the split {document.split}"
    lines = [f"{document.id}  {document.source}", f"  {fate}",
             f"  licence {document.licence}, language {document.language or 'not told'}, "
             f"{len(document.content):,} characters"]
    if document.lineage:
        lines.append(f"  done to it: {', '.join(document.lineage)}")
    return "\n".join(lines)


def _opened(path: Path) -> Corpus:
    from makar.curation.corpus import open_corpus

    return open_corpus(path)


def _limit(args: argparse.Namespace) -> int | None:
    if args.limit < 0:
        raise BadInput("--limit is a number from 0")
    return args.limit or None
