"""`makar check`: runs every check that applies to a text or a file."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from makar.cli._words import read_stdin
from makar.kit.config import canonical
from makar.kit.errors import BadInput, Stopped
from makar.kit.files import read_text

if TYPE_CHECKING:
    from makar.verdict import Verdict


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    parser = commands.add_parser("check", help="run the checks on a text, whoever wrote it",
                                 description="Runs every check that applies. Exit 0 when all pass, else 3.")
    parser.add_argument("file", metavar="FILE", help="a text or code file; '-' is standard input")
    parser.add_argument("--media-type", metavar="TYPE", help="text/x-python, application/json, ... (by the suffix)")
    parser.add_argument("--language", metavar="NAME", help="the language it should be in (French, or fr)")
    parser.add_argument("--json-schema", type=Path, metavar="FILE", help="the JSON Schema it should fit")
    parser.add_argument("--corpus", action="append", default=[], metavar="C", help="an index, by name or path, that no "
                        "long run of it may be verbatim from (can be given several times)")
    parser.add_argument("--json", action="store_true", help="print the verdicts as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Prints one line per verdict."""
    from makar.verbs.check import check

    verdicts = check(read_stdin() if args.file == "-" else Path(args.file), media_type=args.media_type,
                     language=args.language, json_schema=_schema(args.json_schema), corpora=args.corpus)
    if args.json:
        print(json.dumps(json.loads(canonical(verdicts)), indent=2, ensure_ascii=False))
    else:
        _print_table(verdicts)
    return 0 if all(verdict.passed for verdict in verdicts) else Stopped.exit_code


def _schema(path: Path | None) -> dict[str, object] | None:
    if path is None:
        return None
    try:
        schema = json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise BadInput(f"'{path}' is not JSON: {error.msg} at line {error.lineno}, column {error.colno}") from error
    if not isinstance(schema, dict):
        raise BadInput(f"'{path}': a JSON Schema is an object; got {type(schema).__name__}")
    return schema


def _print_table(verdicts: Sequence[Verdict]) -> None:
    width = max((len(verdict.check) for verdict in verdicts), default=0)
    for verdict in verdicts:
        print(f"{'pass' if verdict.passed else 'FAIL'}  {verdict.check:<{width}}  {verdict.reason}")
