"""`makar chat`: a conversation in the terminal, or one turn per line from a pipe."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from makar.cli._words import add_answer_options, output_path, settings_of
from makar.kit.errors import BadInput, Interrupted, MakarError, UnknownName
from makar.kit.files import atomic_write

if TYPE_CHECKING:
    from makar.verbs.chat import Chat

HELP = "/exit, /save FILE, /reset, /system TEXT; Ctrl-C stops an answer, Ctrl-D leaves"
COMMANDS = ("/exit", "/help", "/reset", "/save", "/system")


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    parser = commands.add_parser("chat", help="talk with a model, turn by turn", description="A conversation; every "
                                 "answer is checked and recorded before it is shown.", epilog=f"In the chat: {HELP}.")
    add_answer_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Talks until /exit or the end of input; 3 if a piped turn was withheld, 2 if one could not be used."""
    from makar.generate.load import load
    from makar.ledger import open_ledger
    from makar.rooms.text import ROOM
    from makar.verbs.chat import chat
    from makar.verbs.text import runtime_of

    with open_ledger() as ledger:
        talk = chat(ledger=ledger, **settings_of(args))
        model = load(ROOM, talk.options.model, runtime_of(talk.options))
        live = sys.stdin.isatty()
        if live:
            print(f"{model.name} ({model.context_tok:,} tokens of context). {HELP}", file=sys.stderr)
        worst = 0
        for words in _turns(live):
            if words in ("/exit", "/quit"):
                break
            worst = max(worst, _turn(talk, words, live))
        return 0 if live else worst


def _turns(live: bool) -> Iterator[str]:
    """What the person says, line by line, empty lines left out."""
    if live:
        import readline  # noqa: F401  (importing it is what gives `input` its line editing)
    while True:
        try:
            line = input("> ") if live else sys.stdin.readline()
        except EOFError:
            print(file=sys.stderr)
            return
        except UnicodeDecodeError as error:
            raise BadInput(f"standard input is not UTF-8 text: byte {error.start + 1} is "
                           f"{error.object[error.start]:#04x}") from error
        except KeyboardInterrupt:
            if not live:
                raise
            print("\n(/exit or Ctrl-D leaves)", file=sys.stderr)
            continue
        if not live and not line:
            return
        if line.strip():
            yield line.strip()


def _turn(talk: Chat, words: str, live: bool) -> int:
    """One line: a command or a message. What goes wrong with it does not end the conversation."""
    try:
        if words.startswith("/"):
            _obey(talk, words)
        else:
            _answer(talk, words)
    except Interrupted as error:
        print(f"({error})", file=sys.stderr)
        if not live:
            raise
    except MakarError as error:
        print(f"makar: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def _answer(talk: Chat, words: str) -> None:
    last = "\n"
    try:
        with closing(talk.stream(words)) as stream:
            for part in stream:
                print(part, end="", flush=True)
                last = part[-1:] or last
    except KeyboardInterrupt:
        raise Interrupted("interrupted; what was shown is kept") from None
    finally:
        if last != "\n":
            print(flush=True)
    if talk.num_left_out:
        print(f"(the conversation is longer than the context: this answer was given without the first "
              f"{talk.num_left_out} messages; /reset begins another)", file=sys.stderr)


def _obey(talk: Chat, line: str) -> None:
    command, _, rest = line.partition(" ")
    rest = rest.strip()
    if command == "/reset":
        talk.reset()
        print("(a new conversation)", file=sys.stderr)
    elif command == "/system":
        talk.instruct(rest or None)
        print("(a new conversation under this system message)" if rest else "(a new conversation, no system message)",
              file=sys.stderr)
    elif command == "/save":
        _save(talk, rest)
    elif command == "/help":
        print(HELP, file=sys.stderr)
    else:
        raise UnknownName("command", command, COMMANDS)


def _save(talk: Chat, name: str) -> None:
    """The conversation as JSON where the name ends so, else as text."""
    if not name:
        raise BadInput("/save needs a file name, for example: /save talk.json")
    path = output_path(Path(name).expanduser())
    if path.suffix == ".json":
        turns = [{"role": message.role, "content": message.content} for message in talk.messages]
        written = json.dumps(turns, indent=2, ensure_ascii=False)
    else:
        written = "\n\n".join(f"{message.role}: {message.content}" for message in talk.messages)
    atomic_write(path, f"{written}\n")
    print(f"({len(talk.messages)} messages saved in {path})", file=sys.stderr)
