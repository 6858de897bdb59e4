"""JSON lines of texts, chats, instructions and choices, and what of them is to be learned."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from makar.codecs.chat import Message
from makar.kit.errors import BadInput
from makar.kit.files import read_text
from makar.methods.autoregress.language import LanguageModel
from makar.train.tokens import Example

CHATS = (".jsonl", ".ndjson", ".json")
MOST_BYTES = 200_000_000
FORMS = ('{"text"}, {"messages": [{"role", "content"}]}, {"prompt", "response"}, {"instruction", "input", "output"} or '
         '{"prompt", "chosen", "rejected"}')


@dataclass(frozen=True)
class Line:
    """A text and, where it is a conversation, its messages and the answer that the last one is preferred to."""

    text: str
    messages: tuple[Message, ...] = ()
    rejected: str = ""


def read_chats(path: Path, skip: Callable[[str], None]) -> Iterator[Line]:
    """The rows of a file of JSON lines, or of a `.json` file that is a list of them; another `.json` is skipped.

    Raises: BadInput (names the line), NotHere
    """
    text = read_text(path, limit_bytes=MOST_BYTES)
    if path.suffix.lower() != ".json":
        yield from read_lines(path, text.splitlines())
        return
    try:
        rows = json.loads(text)
    except (ValueError, RecursionError):
        rows = None
    if isinstance(rows, list) and rows and all(isinstance(row, dict) for row in rows):
        yield from read_lines(path, [json.dumps(row) for row in rows])
    else:
        skip("no list of texts, chats or instructions")


def read_lines(path: Path, lines: Sequence[str]) -> Iterator[Line]:
    """What each line of JSON says.

    Raises: BadInput (names the line)
    """
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            messages = tuple(_messages(row)) if "text" not in row else ()
            text = row["text"] if "text" in row else "\n\n".join(message.content for message in messages)
            rejected = _text(row.get("rejected", ""))
            if not isinstance(text, str) or not text:
                raise ValueError("no text")
        except (ValueError, KeyError, TypeError) as error:
            raise BadInput(f"'{path}' line {number}: {error!r:.80}; expected JSON of the form {FORMS}") from None
        yield Line(text, messages, rejected)


def _messages(row: Mapping[str, Any]) -> Iterator[Message]:
    if "messages" in row:
        for turn in row["messages"]:
            yield Message(str(turn["role"]), _text(turn["content"]))
        return
    if "instruction" in row:
        given = row.get("input") or ""
        yield Message("user", f"{row['instruction']}\n\n{given}".strip())
        yield Message("assistant", _text(row["output"]))
        return
    yield Message("user", _text(row["prompt"]))
    yield Message("assistant", _text(row[next(key for key in ("response", "chosen", "completion")
                                              if key in row or key == "completion")]))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected text, got {type(value).__name__}")
    return value


def encode_conversation(model: LanguageModel, messages: Sequence[Message]) -> Example:
    """The conversation in the model's own chat form; only what the assistant says is learned.

    Raises: BadInput (the model has no chat form)
    """
    if model.chat is None:
        raise BadInput(f"'{model.name}' has no chat template, so it cannot learn from conversations; give plain texts")
    ids: list[int] = []
    learned: list[bool] = []
    for number, message in enumerate(messages):
        if message.role != "assistant":
            continue
        asked = model.render(messages[:number])
        answer = [*model.tokenizer.encode(message.content), *model.card.eos_ids[:1]]
        if asked[:len(ids)] == ids:  # the next turn of the same conversation: what is new was not said by the model
            learned += [False] * (len(asked) - len(ids))
        else:
            learned = [False] * len(asked)
        ids = [*asked, *answer]
        learned += [True] * len(answer)
    return Example(ids, learned)


def encode_text(model: LanguageModel, text: str) -> Example:
    """A plain text, all of it to be learned, behind the token the model begins with if it has one."""
    bos = model.card.bos_id
    ids = model.tokenizer.encode(text.encode(errors="replace").decode())
    return Example(ids if bos is None else [bos, *ids])
