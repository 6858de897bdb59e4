"""`makar text`: one prompt, one answer (or n)."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from makar.cli._words import add_answer_options, add_signing_options, output_path, settings_of, words_of
from makar.kit.errors import Stopped

if TYPE_CHECKING:
    from makar.provenance.released import Released
    from makar.provenance.work import Work

EXAMPLES = """examples:
  makar text "Write a haiku about rain"
  makar text "Summarise this" -f notes.txt -o summary.txt
  git diff | makar text "Explain this change"
  makar text "A person, as JSON" --json-schema person.schema.json
"""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    parser = commands.add_parser("text", help="write text from a prompt", description="Writes text from a prompt; "
                                 "what leaves has been checked and recorded.", epilog=EXAMPLES,
                                 formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("prompt", nargs="?", metavar="PROMPT", help="what to write; '-' or nothing: standard input")
    parser.add_argument("-f", "--file", action="append", default=[], metavar="FILE", type=Path,
                        help="a text file to put behind the prompt (can be given several times)")
    parser.add_argument("-o", "--output", metavar="FILE", type=Path, help="write the answer there instead")
    add_answer_options(parser)
    add_signing_options(parser)
    parser.add_argument("--n", type=int, default=1, metavar="N", help="how many answers (seeds S, S+1, ...)")
    parser.add_argument("--stream", action=argparse.BooleanOptionalAction, default=None,
                        help="show the answer while it is made (by default on a terminal)")
    parser.add_argument("--record", action="store_true",
                        help="print JSON with the text and its record, or with -o write FILE.record.json too")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Writes, and prints or saves what was released."""
    from makar.ledger import open_ledger
    from makar.verbs.text import begin, options_of

    targets = _targets(args.output, args.n)
    options = options_of(settings_of(args) | {"n": args.n})
    prompt = words_of(args.prompt, args.file)
    with open_ledger() as ledger:
        work = begin(prompt, options, ledger=ledger)
        streams = _streams(args)
        if streams:
            _print_stream(work)
        released = work.release()
        _tell_withheld(work)
    works = released if isinstance(released, list) else [released]
    if targets:
        _save(works, targets, args)
    elif args.record:
        found = [{"text": one.text, "record": one.record} for one in works]
        print(json.dumps(found if args.n > 1 else found[0], indent=2, ensure_ascii=False))
    elif not streams:
        _print_all(works)
    _tell_cut(works)
    return 0


def _streams(args: argparse.Namespace) -> bool:
    if args.output is not None or args.record or args.n > 1:
        return False
    return sys.stdout.isatty() if args.stream is None else bool(args.stream)


def _print_stream(work: Work) -> None:
    last = "\n"
    try:
        for part in work.stream():
            print(part, end="", flush=True)
            last = part[-1:] or last
    except KeyboardInterrupt:
        raise work.interrupted() from None
    except OSError:
        work.interrupted()  # the reader left; what was made is kept while the ledger is still open
        raise
    finally:
        if last != "\n":
            print(flush=True)


def _tell_withheld(work: Work) -> None:
    """Of several answers some may have been withheld while others left."""
    for number, outcome in enumerate(work.outcomes or [], 1):
        if isinstance(outcome, Stopped):
            print(f"makar: answer {number} of {len(work.outcomes or [])} is missing: {outcome}", file=sys.stderr)


def _tell_cut(works: Sequence[Released]) -> None:
    """An answer that ended because it had to should not pass for one that was finished."""
    for number, work in enumerate(works, 1):
        record = work.record
        if record["finish"] == "length":
            which = f"answer {number}" if len(works) > 1 else "the answer"
            print(f"({which} was cut at its limit of {record['num_tok']:,} tokens; --max-tokens sets it)",
                  file=sys.stderr)


def _print_all(works: Sequence[Released]) -> None:
    for number, work in enumerate(works, 1):
        if len(works) > 1:
            print(f"--- {number} of {len(works)}: {work.id}")
        print(work.text, end="" if work.text.endswith("\n") else "\n")


def _targets(output: Path | None, num: int) -> list[Path]:
    """One file per answer: FILE, or FILE-1, FILE-2, ... before the suffix."""
    if output is None:
        return []
    if num <= 1:
        return [output_path(output)]
    return [output_path(output.with_name(f"{output.stem}-{number}{output.suffix}")) for number in range(1, num + 1)]


def _save(works: Sequence[Released], targets: Sequence[Path], args: argparse.Namespace) -> None:
    for work, target in zip(works, targets, strict=True):
        work.save(target, record=args.record, sign=args.sign, embed=args.embed)
        print(f"{target}  (makar ledger show {work.id})", file=sys.stderr)
