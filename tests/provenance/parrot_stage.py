"""A room whose model says what the test tells it to, and checks that look for marked words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from makar.generate.artifact import new_id
from makar.ledger import Ledger
from makar.provenance.work import Work
from makar.review.policy import Policy
from makar.room import Piece, Room
from makar.verdict import Check, Span, Subject, Verdict


@dataclass(frozen=True)
class Sampling:
    """All of a sampling that a record asks for."""

    seed: int = 7


@dataclass(frozen=True)
class Script:
    """A request that says what will be answered: one text per candidate, in pieces of `size` characters."""

    says: tuple[str, ...]
    size: int = 5
    model: str = "tiny"
    sampling: Sampling = Sampling()
    exact: bool = False

    @property
    def n(self) -> int:
        """One candidate per text."""
        return len(self.says)


class Parrot:
    """The model of the room; `before` is called before each piece."""

    name, sha256, training_data = "parrot", "0" * 64, "none: it repeats what it is told"

    def __init__(self) -> None:
        self.before: Callable[[int], None] = lambda number: None


def say(model: Parrot, request: Script) -> Iterator[Piece]:
    """Pieces of all candidates in turn."""
    number = 0
    for start in range(0, max(map(len, request.says)) + 1, request.size):
        for index, text in enumerate(request.says):
            model.before(number)
            number += 1
            if start <= len(text):
                last = start + request.size > len(text)
                yield Piece(text[start:start + request.size], 1, index, "stop" if last else None)


def word_check(name: str, word: str, *, streaming: bool = True) -> Check:
    """A check that fails on every place of `word`."""
    def run(subject: Subject) -> Verdict:
        starts = [at for at in range(len(subject.content)) if subject.content.startswith(word, at)]
        spans = tuple(Span(at, at + len(word), name) for at in starts)
        return Verdict(name, not spans, 0.0 if spans else 1.0, f"found {len(spans)} times {name}", spans)
    return Check(name, run, streaming=streaming, hold_back_chars=len(word) if streaming else 0)


POLICY = Policy("of the test", {"secrets": "refuse", "personal_data": "mask", "repetition": "hold", "language": "hold",
                                "outside_calls": "release"})


CHECKS = [word_check("secrets", "SECRET"), word_check("personal_data", "MAIL"), word_check("repetition", "AGAIN"),
          word_check("outside_calls", "NOTE"), word_check("language", "WRONG", streaming=False)]


class Stage:
    """A room with its model, a ledger and a policy."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger, self.model = ledger, Parrot()
        # models are kept by room name, and every stage has its own parrot
        self.room = Room(f"parrot {new_id()}", Script, build=lambda stored: self.model, sample=say,
                         media_type=lambda request: "text/plain")

    def work(self, *says: str, size: int = 5, **settings: Any) -> Work:
        """A work that will say this."""
        return Work(self.room, Script(says, size), **{"policy": POLICY, "ledger": self.ledger, **settings})

    def kinds(self) -> list[str]:
        """The kinds of all stamps, in order."""
        return [stamp.kind for stamp in self.ledger.stamps()]

    def text_of(self, kind: str) -> list[str]:
        """The contents that the stamps of a kind name."""
        return [self.ledger.content(stamp.body["content"]).decode() for stamp in self.ledger.stamps(kind)]


PROSE = " ".join(f"Sentence number {n} of a text that is long enough for windows." for n in range(12))
