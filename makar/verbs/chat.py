"""`makar.chat`: a conversation. Only what was released is remembered."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Unpack

from makar.kit.errors import BadInput, Interrupted
from makar.verbs.text import (
    USUAL_ANSWER_TOK,
    TextOptions,
    TextSettings,
    begin_messages,
    options_of,
    readable,
    runtime_of,
)

if TYPE_CHECKING:
    from makar.codecs.chat import Message
    from makar.ledger import Ledger
    from makar.provenance.released import Released
    from makar.provenance.work import Work


class Chat:
    """Turns of a conversation with one model. A turn that is withheld or refused leaves no trace in the memory.

    messages:     what has been said and released, the system message first if there is one
    num_left_out: how many of the oldest messages the last answer was given without, as the context was full
    last:         the last released answer
    """

    def __init__(self, options: TextOptions, *, ledger: Ledger | None = None) -> None:
        if options.n != 1:
            raise BadInput(f"a conversation has one answer per turn; got n={options.n}")
        self.options, self.ledger = options, ledger
        self.messages: list[Message] = []
        self.num_left_out = 0
        self.last: Released | None = None
        self.instruct(options.system)

    def instruct(self, system: str | None) -> None:
        """Forgets the conversation and begins another under `system` (None: the model's own).

        Raises: BadInput
        """
        from makar.codecs.chat import Message

        self.messages = [Message("system", readable(system, "system"))] if system else []
        self.num_left_out, self.last = 0, None

    def reset(self) -> None:
        """Forgets the conversation; the system message stays."""
        self.instruct(self.messages[0].content if self.messages and self.messages[0].role == "system" else None)

    def say(self, words: str) -> Released:
        """The released answer to `words`.

        Raises: Withheld, BadInput, Interrupted
        """
        work = self._work(words)
        released = work.release()
        assert not isinstance(released, list)
        self._remember(words, released.text)
        self.last = released
        return released

    def stream(self, words: str) -> Generator[str, None, None]:
        """The answer to `words` in parts, each checked before it leaves. What was seen of a broken-off answer stays.

        Raises: as `say`
        """
        work, seen = self._work(words), ""
        try:
            for part in work.stream():
                seen += part
                yield part
        except (Interrupted, KeyboardInterrupt, GeneratorExit):
            work.interrupted()  # keeps what was made, wherever the interruption came
            if seen:
                self._remember(words, seen)
            raise
        released = work.release()
        assert not isinstance(released, list)
        self._remember(words, released.text)
        self.last = released

    def _remember(self, words: str, answer: str) -> None:
        from makar.codecs.chat import Message

        self.messages += [Message("user", words), Message("assistant", answer)]

    def _work(self, words: str) -> Work:
        from makar.codecs.chat import Message

        conversation = [*self.messages, Message("user", readable(words, "message"))]
        return begin_messages(self._that_fits(conversation), self.options, ledger=self.ledger)

    def _that_fits(self, conversation: list[Message]) -> list[Message]:
        """The conversation without as many of its oldest turns as needed for an answer to fit behind it."""
        from makar.generate.load import load
        from makar.rooms.text import ROOM
        from makar.rooms.text.request import count_tok

        model = load(ROOM, self.options.model, runtime_of(self.options))
        wanted_tok = self.options.max_tokens or min(USUAL_ANSWER_TOK, model.context_tok // 4)
        first = 1 if conversation[0].role == "system" else 0
        self.num_left_out = 0
        while (len(conversation) - first > 2
               and count_tok(model, tuple(conversation)) + wanted_tok > model.context_tok):
            conversation = conversation[:first] + conversation[first + 2:]
            self.num_left_out += 2
        return conversation


def chat(*, ledger: Ledger | None = None, **settings: Unpack[TextSettings]) -> Chat:
    """A conversation with `.say(words)`, `.stream(words)` and `.reset()`. See TextOptions.

    Raises: BadInput, UnknownName
    """
    return Chat(options_of(settings), ledger=ledger)
