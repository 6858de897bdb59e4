"""`makar code`: write, complete, explain, fix, test and doc."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from makar.cli._words import add_making_options, add_signing_options, making_settings_of, output_path, read_stdin
from makar.kit.errors import BadInput

if TYPE_CHECKING:
    from makar.ledger import Ledger
    from makar.provenance.released import Released

EXAMPLES = """examples:
  makar code write "merge overlapping intervals" --tests test_merge.py -o merge.py
  makar code complete app.py:42
  makar code explain app.py:parse_args
  makar code fix app.py --test tests/test_app.py --in-place
  python app.py 2>&1 | makar code fix app.py --error -
  makar code test app.py:parse_args -o test_app.py
  makar code doc app.py --in-place
"""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the group."""
    group = commands.add_parser("code", help="write, complete, explain, fix, test, document code",
                                description="Works on Python source; what leaves has been checked and recorded.",
                                epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter)
    tasks = group.add_subparsers(metavar="TASK", required=True, title="tasks")
    write = _task(tasks, "write", "write code from words", _write)
    write.add_argument("instruction", metavar="INSTRUCTION", help="what the code is to do; '-' is standard input")
    write.add_argument("--tests", metavar="FILE", type=Path, help="pytest tests or plain asserts that it must pass")
    complete = _task(tasks, "complete", "fill in what is missing at one place of a file", _complete)
    complete.add_argument("place", metavar="FILE:LINE[:COL]", help="counted from 1; without COL the end of the line")
    explain = _task(tasks, "explain", "say what code does", _explain)
    explain.add_argument("place", metavar="FILE[:NAME]", help="a Python file, or one function or class in it")
    fix = _task(tasks, "fix", "mend a file, by an error or a failing test", _fix)
    fix.add_argument("file", metavar="FILE", type=Path, help="the Python file with the mistake")
    fix.add_argument("--error", metavar="TEXT", help="a traceback, or what goes wrong; '-' is standard input")
    fix.add_argument("--test", metavar="FILE", type=Path, help="a test file that fails now and must pass")
    test = _task(tasks, "test", "write pytest tests that run and pass", _test)
    test.add_argument("place", metavar="FILE[:NAME]", help="a Python file, or one function or class in it")
    doc = _task(tasks, "doc", "write docstrings; the code stays what it is", _doc)
    doc.add_argument("place", metavar="FILE[:NAME]", help="a Python file, or one function or class in it")
    for parser in (fix, doc):
        parser.add_argument("--in-place", action="store_true", help="write the result into FILE itself")


def _task(tasks: argparse._SubParsersAction[argparse.ArgumentParser], name: str, summary: str,
          work: Callable[[argparse.Namespace, dict[str, Any], Ledger], Released]) -> argparse.ArgumentParser:
    parser = tasks.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
    option = parser.add_argument
    option("-o", "--output", metavar="FILE", type=Path, help="write the result there instead of printing it")
    option("--record", action="store_true", help="print the record as JSON, or with -o write FILE.record.json")
    option("--attempts", type=int, metavar="N", help="how many answers may be tried (4); the i-th has seed S + i")
    add_making_options(parser)
    add_signing_options(parser)
    parser.set_defaults(run=run, work=work, in_place=False)
    return parser


def run(args: argparse.Namespace) -> int:
    """Works, and prints or saves what was released."""
    from makar.ledger import open_ledger

    if args.in_place and args.output is not None:
        raise BadInput("the result goes into FILE itself (--in-place) or into another file (-o), not both")
    target = output_path(args.output) if args.output is not None else None
    settings = making_settings_of(args)
    if args.attempts is not None:
        settings["attempts"] = args.attempts
    with open_ledger() as ledger:
        released = args.work(args, settings, ledger)
    if args.in_place:
        _put_back(released, _file_of(args), args)
    elif target is not None:
        released.save(target, record=args.record, sign=args.sign, embed=args.embed)
        print(f"{target}  (makar ledger show {released.id[:12]})", file=sys.stderr)
    elif args.record:
        print(json.dumps(released.record, indent=2, ensure_ascii=False))
    else:
        print(released.text, end="" if released.text.endswith("\n") else "\n")
    return 0


def _file_of(args: argparse.Namespace) -> Path:
    from makar.verbs.code.source import place

    return args.file if "file" in args else place(args.place).path


def _put_back(released: Released, path: Path, args: argparse.Namespace) -> None:
    """Writes the result over the file it was made from, whole or not at all; its mode and byte order mark stay.

    Raises: BadInput (the policy masked parts of it)
    """
    if released.record["masked"]:
        raise BadInput(f"'{path}' was not changed: the policy masked parts of the result, which would be lost from the "
                       f"file; see them with: makar ledger show {released.id[:12]}, or write to another file with -o")
    released.save(path.resolve(), sign=args.sign, embed=args.embed, in_place=True)
    print(f"{path}  (makar ledger show {released.id[:12]})", file=sys.stderr)


def _write(args: argparse.Namespace, settings: dict[str, Any], ledger: Ledger) -> Released:
    from makar.verbs.code import write

    words = read_stdin() if args.instruction == "-" else args.instruction
    return write(words, tests=args.tests, ledger=ledger, **settings)


def _complete(args: argparse.Namespace, settings: dict[str, Any], ledger: Ledger) -> Released:
    from makar.verbs.code import complete

    return complete(args.place, ledger=ledger, **settings)


def _explain(args: argparse.Namespace, settings: dict[str, Any], ledger: Ledger) -> Released:
    from makar.verbs.code import explain

    return explain(args.place, ledger=ledger, **settings)


def _fix(args: argparse.Namespace, settings: dict[str, Any], ledger: Ledger) -> Released:
    from makar.verbs.code import fix

    error = read_stdin() if args.error == "-" else args.error
    return fix(args.file, error=error, test=args.test, ledger=ledger, **settings)


def _test(args: argparse.Namespace, settings: dict[str, Any], ledger: Ledger) -> Released:
    from makar.verbs.code import test

    return test(args.place, ledger=ledger, **settings)


def _doc(args: argparse.Namespace, settings: dict[str, Any], ledger: Ledger) -> Released:
    from makar.verbs.code import doc

    return doc(args.place, ledger=ledger, **settings)
