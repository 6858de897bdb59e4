"""A conversation to tokens, so that nothing a message says can pass for the template's own control tokens."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Sequence

from makar.codecs.bpe import Tokenizer
from makar.codecs.chat import ChatTemplate, Message
from makar.kit.errors import BadInput


def encode_chat(chat: ChatTemplate, tokenizer: Tokenizer, messages: Sequence[Message]) -> list[int]:
    """Token ids of the rendered conversation; control tokens are read only where the template wrote them.

    Raises: BadInput (a message spells a control token and the template rewrites messages, so the two cannot be told
    apart; or the template refuses)
    """
    text = chat.render(messages)
    names = {tokenizer.decode([id]): id for id in tokenizer.special_ids}
    spelled = [name for name in names for message in messages if name and name in message.content]
    if not spelled:
        return tokenizer.encode(text, special=True)
    ranges = _content_ranges(chat, messages, text)
    if ranges is None:
        raise BadInput(f"a message contains '{spelled[0]}', which is a control token of this model, and its chat "
                       "template rewrites messages; take that text out of the message")
    ids: list[int] = []
    for part, own in _split(text, names, ranges):
        ids += [names[part]] if own else tokenizer.encode(part)
    return ids


def _content_ranges(chat: ChatTemplate, messages: Sequence[Message], text: str) -> list[tuple[int, int]] | None:
    """Where the contents stand in `text`, found by rendering with marks in their place; None if that does not fit."""
    marks = [f"content-{secrets.token_hex(8)}-{number}" for number in range(len(messages))]
    marked = chat.render([Message(message.role, mark) for message, mark in zip(messages, marks, strict=True)])
    for strip in (False, True):
        contents = {mark: message.content.strip() if strip else message.content
                    for mark, message in zip(marks, messages, strict=True)}
        ranges, place, built = [], 0, ""
        for found in re.finditer("|".join(marks), marked):
            built += marked[place:found.start()]
            ranges.append((len(built), len(built) + len(contents[found[0]])))
            built += contents[found[0]]
            place = found.end()
        if built + marked[place:] == text:
            return ranges
    return None


def _split(text: str, names: dict[str, int], ranges: list[tuple[int, int]]) -> Iterator[tuple[str, bool]]:
    """The text cut at the template's control tokens; True marks such a token."""
    pattern = re.compile("|".join(re.escape(name) for name in sorted(names, key=len, reverse=True) if name))
    place = search = 0
    while found := pattern.search(text, search):
        inside = next((end for start, end in ranges if start < found.end() and found.start() < end), None)
        if inside is not None:
            search = max(found.start() + 1, min(inside, found.end()))
            continue
        if found.start() > place:
            yield text[place:found.start()], False
        yield found[0], True
        place = search = found.end()
    if place < len(text):
        yield text[place:], False
