"""The `makar` command: parse, call one function, print. Every other file here is one group of commands."""

from __future__ import annotations

import argparse
import errno
import io
import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from makar import VERBS_WITHOUT_ROOM, __version__, no_room
from makar.kit import plugins
from makar.kit.errors import BadInput, MakarError, OutOfRoom, UnknownName

EXIT_INTERRUPTED = 130
EXIT_BROKEN_PIPE = 141  # what a shell reports for a process that SIGPIPE ended


class Parser(argparse.ArgumentParser):
    """Argparse whose complaints are Makar's errors: one line, exit 2.

    usual_task: of a group of `tasks`, the one that is meant where its first word names none of them
    """

    usual_task: str = ""
    tasks: Sequence[str] = ()

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse, with the usual task filled in."""
        if self.usual_task and args and args[0] not in (*self.tasks, "-h", "--help"):
            args = [self.usual_task, *args]
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        """Raises: BadInput"""
        raise BadInput(f"{message} (see '{self.prog} --help')")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code; nothing but our own bugs leaves as an exception."""
    _accept_any_character()
    # Before torch loads OpenMP: threads that spin while they wait can cost 5x where cores are shared.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    try:
        code = _run(sys.argv[1:] if argv is None else list(argv))
        sys.stdout.flush()
        return code
    except MakarError as error:
        return _complain(str(error), error.exit_code)
    except KeyboardInterrupt:
        # CPython remembers an interrupt that fell within `exec` of a string (as dataclasses are made) even where it was
        # caught, and would end by the signal instead of with this code; another `exec` makes it forget.
        exec("")  # noqa: S102 - nothing is executed
        return _complain("interrupted", EXIT_INTERRUPTED)
    except BrokenPipeError:
        return _leave_stdout(EXIT_BROKEN_PIPE)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        _leave_stdout(0)
        return _complain("the disk is full; free some space and run the same command again", OutOfRoom.exit_code)


def _run(argv: list[str]) -> int:
    groups = plugins.names("makar.cli")
    if argv and not argv[0].startswith("-") and argv[0] not in groups:
        if argv[0] in VERBS_WITHOUT_ROOM:
            raise no_room(argv[0])
        raise UnknownName("command", argv[0], groups)
    parser = _parser([argv[0]] if argv and argv[0] in groups else groups)
    args = parser.parse_args(argv)
    if not argv:
        parser.print_help()
        return 0
    code: int = args.run(args)
    return code


def _parser(groups: Sequence[str]) -> Parser:
    """What understands these commands; to load them all takes a while."""
    parser = Parser(prog="makar", description="Text, code and pictures made on this machine, checked and recorded "
                    "before they leave.", epilog="makar COMMAND --help tells more about a command.")
    parser.add_argument("--version", action="version", version=f"makar {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", parser_class=Parser)
    for group in groups:
        plugins.load("makar.cli", group, "add")(commands)
    return parser


def _accept_any_character() -> None:
    """A terminal that cannot show a character shows its number; that must never end a command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and (stream.encoding or "").lower().replace("-", "") != "utf8":
            stream.reconfigure(errors="backslashreplace")


def _complain(message: str, code: int) -> int:
    line = " ".join(message.split("\n"))
    print(f"makar: {line}".encode(errors="backslashreplace").decode(), file=sys.stderr)
    return code


def _leave_stdout(code: int) -> int:
    """Nobody reads on; what is left in the buffer must not fail again when the interpreter ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code

