"""What the commands that answer share: where the words come from, the settings of an answer, where it may go."""

from __future__ import annotations

import argparse
import os
import select
import stat
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from makar.kit.errors import BadInput
from makar.kit.files import read_text

MOST_STDIN_BYTES = 20_000_000
QUIET_S = 1.0

RUNTIME = ("arithmetic", "cache_bits", "threads", "speculate")
_MAKING = ("model", "mark", "max_tokens", "temperature", "top_p", "seed", "policy", "exact", *RUNTIME)
_ANSWER = (*_MAKING, "system", "top_k", "min_p", "regex", "language")


def add_making_options(parser: argparse.ArgumentParser) -> None:
    """Adds the settings of everything a language model makes; one that is not given stays the verb's own."""
    add = parser.add_argument
    add("--model", metavar="NAME", help="a model of 'makar models list', or tiny (random weights, no download)")
    add("--max-tokens", type=int, metavar="N", help="the longest answer; where not given, as the task needs")
    add("--temperature", type=float, metavar="T", help="0 is greedy; where not given, as the task needs")
    add("--top-p", type=float, metavar="P", help="draw from the likeliest tokens that hold P of the mass (0.95)")
    add("--seed", type=int, metavar="S", help="the same seed gives the same answer; it is recorded in any case")
    add("--policy", metavar="NAME", help="what to do about failed checks: default, strict, or a TOML file")
    add("--no-mark", dest="mark", action="store_false", default=None, help="leave out the imperceptible mark")
    add("--exact", action="store_true", default=None, help="the same bytes alone, in any batch, with any cache")
    add_runtime_options(parser)


def add_signing_options(parser: argparse.ArgumentParser) -> None:
    """Adds how a work is signed that is written to a file."""
    add = parser.add_argument
    add("--no-sign", dest="sign", action="store_false", default=None, help="write the file without a signature")
    add("--embed", action="store_true", help="put the signature into the text, as invisible characters at its end")


def making_settings_of(args: argparse.Namespace) -> dict[str, Any]:
    """Those settings of `add_making_options` that were given."""
    return _given(args, _MAKING)


def add_answer_options(parser: argparse.ArgumentParser) -> None:
    """Adds the settings of an answer in words; one that is not given stays the verb's own."""
    add_making_options(parser)
    add = parser.add_argument
    add("--system", metavar="TEXT", help="who the model is to be")
    add("--top-k", type=int, metavar="K", help="draw from the K likeliest tokens (0: all)")
    add("--min-p", type=float, metavar="P", help="leave out tokens less than P times as likely as the best (0)")
    add("--stop", action="append", metavar="TEXT", help="end before this text (can be given several times)")
    add("--json-schema", type=Path, metavar="FILE", help="hold the answer to this JSON Schema")
    add("--regex", metavar="REGEX", help="hold the answer to this regular expression")
    add("--choice", action="append", metavar="TEXT", help="hold the answer to one of these (give it several times)")
    add("--language", metavar="NAME", help="ask for, and check for, this language (French, or fr)")


def add_runtime_options(parser: argparse.ArgumentParser) -> None:
    """Adds how the model is run; what is not given stays the verb's own."""
    add = parser.add_argument_group("how the model is run (see 'makar doctor')").add_argument
    add("--arithmetic", metavar="KIND", help="native (the packed kernel, at the precision of the model's file), 8bit "
        "or 4bit (the kernel at that precision), plain (PyTorch), or auto: native where it can run, else plain (auto)")
    add("--cache-bits", type=int, metavar="BITS", help="of keys and values: 16, or 8 for long contexts in half the "
        "memory (16)")
    add("--threads", type=int, metavar="N", help="cores to compute on (all that this process may use)")
    add("--no-speculation", dest="speculate", action="store_false", default=None, help="one token at a time even where "
        "the text repeats its context; the same text either way")


def settings_of(args: argparse.Namespace) -> dict[str, Any]:
    """The settings that were given.

    Raises: NotHere, BadInput
    """
    given = _given(args, _ANSWER)
    if args.stop is not None:
        given["stop"] = tuple(args.stop)
    if args.choice is not None:
        given["choice"] = tuple(args.choice)
    if args.json_schema is not None:
        given["json_schema"] = read_text(args.json_schema)
    return given


def _given(args: argparse.Namespace, names: Sequence[str]) -> dict[str, Any]:
    return {name: getattr(args, name) for name in names if getattr(args, name) is not None}


def words_of(prompt: str | None, files: Sequence[Path]) -> str:
    """The prompt, what is piped in, and the files, in this order, with an empty line between.

    Raises: BadInput (not text, nothing at all), NotHere
    """
    parts = [] if prompt in (None, "-") else [str(prompt)]
    if prompt == "-" or _is_piped() or not (parts or files):
        piped = read_stdin()
        if piped.strip() or not (parts or files):
            parts.append(piped)
    parts += [read_text(file) for file in files]
    return "\n\n".join(parts)


def read_stdin() -> str:
    """Standard input as UTF-8 text, to its end. Says that it waits where nothing comes.

    Raises: BadInput
    """
    if sys.stdin.isatty():
        print("Type the prompt, then Ctrl-D on a line of its own:", file=sys.stderr)
    elif not select.select([sys.stdin], [], [], QUIET_S)[0]:
        print("waiting for standard input to end (to leave it out: </dev/null)", file=sys.stderr)
    data = sys.stdin.buffer.read(MOST_STDIN_BYTES + 1)
    if len(data) > MOST_STDIN_BYTES:
        raise BadInput(f"standard input has more than {MOST_STDIN_BYTES:,} bytes; send less")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(f"standard input is not UTF-8 text: byte {error.start + 1} is {data[error.start]:#04x}; "
                       "convert it, or pipe in text") from error


def _is_piped() -> bool:
    """Whether something is piped or redirected in; devices such as /dev/null and terminals are not read unasked."""
    mode = os.fstat(sys.stdin.fileno()).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode) or stat.S_ISSOCK(mode)


def output_path(path: Path) -> Path:
    """`path` if a file can be written there; asked before any work is done.

    Raises: BadInput
    """
    if path.is_dir():
        raise BadInput(f"'{path}' is a folder; name a file in it, such as '{path / 'answer.txt'}'")
    if not path.parent.is_dir():
        raise BadInput(f"there is no folder '{path.parent}' to write '{path.name}' in; make it first: "
                       f"mkdir -p {path.parent}")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise BadInput(f"'{path}' cannot be written: permission denied")
    return path
