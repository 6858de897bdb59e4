"""`makar.chat`: it remembers what was released, and says when it can no longer remember all of it."""

from __future__ import annotations

import pytest

import makar
from makar.generate.load import load
from makar.kit.errors import BadInput
from makar.rooms.text import ROOM
from makar.verbs.chat import Chat


def talk(**settings: object) -> Chat:
    """A conversation with the tiny model."""
    return makar.chat(**{"model": "tiny", "max_tokens": 8, "seed": 1, "temperature": 5.0, **settings})  # type: ignore[arg-type]


def roles(chat: Chat) -> list[str]:
    return [message.role for message in chat.messages]


def test_turns_are_remembered() -> None:
    chat = talk(system="Be brief.")
    released = chat.say("one")
    assert roles(chat) == ["system", "user", "assistant"]
    assert chat.messages[-1].content == released.content
    assert chat.last is released
    chat.say("two")
    assert roles(chat) == ["system", "user", "assistant", "user", "assistant"]


def test_a_stream_says_the_same_and_remembers_it() -> None:
    streamed, said = talk(), talk()
    text = "".join(streamed.stream("hello"))
    assert text == said.say("hello").content
    assert streamed.messages == said.messages


def test_a_broken_off_answer_stays_as_far_as_it_was_seen() -> None:
    chat = talk(max_tokens=400)
    stream = chat.stream("hello")
    seen = next(stream)
    stream.close()
    assert chat.messages[-1].content == seen
    chat.say("go on")
    assert len(chat.messages) == 4


def test_what_is_refused_is_not_remembered() -> None:
    chat = talk()
    chat.say("one")
    with pytest.raises(BadInput):
        chat.say("")
    with pytest.raises(BadInput, match="tokens"):
        chat.say("word " * 100_000)
    assert len(chat.messages) == 2


def test_reset_keeps_the_system_message_only() -> None:
    chat = talk(system="Be brief.")
    chat.say("one")
    chat.reset()
    assert roles(chat) == ["system"]
    chat.instruct(None)
    assert roles(chat) == []


def test_oldest_turns_are_left_out_when_the_context_is_full() -> None:
    chat = talk(system="Be brief.")
    context_tok = load(ROOM, "tiny").context_tok
    words = "a" * (context_tok // 4)
    for _ in range(6):
        chat.say(words)
    assert chat.num_left_out > 0
    assert chat.num_left_out % 2 == 0
    assert len(chat.messages) == 13, "the conversation itself is kept whole"


def test_one_answer_per_turn() -> None:
    with pytest.raises(BadInput, match="n=2"):
        talk(n=2)
