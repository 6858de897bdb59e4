"""A model whose every number can be worked out by hand."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch

from makar.room import Piece


class Bytes:
    """A tokenizer of one token per byte."""

    def encode(self, text: str, special: bool = False) -> list[int]:
        return list(text.encode())

    def bytes_of(self, token_id: int) -> bytes:
        return bytes([token_id])


@dataclass(frozen=True)
class Card:
    """A model that begins its texts with nothing, or with a token."""

    bos_id: int | None = None


@dataclass
class Scripted:
    """Gives every token the probability of `chance`, and every prompt the next of `answers`."""

    chance: Callable[[int], float] = lambda token: 1 / 256
    answers: Sequence[str] = ()
    context_tok: int = 2048
    name: str = "scripted"
    sha256: str = "ab" * 32
    arithmetic: dict[str, str] = field(default_factory=lambda: {"arithmetic": "scripted"})
    training_data: str = "none"
    card: Card = field(default_factory=Card)
    tokenizer: Bytes = field(default_factory=Bytes)
    asked: list[Any] = field(default_factory=list)

    def score(self, ids: Sequence[int]) -> torch.Tensor:
        assert len(ids) <= self.context_tok
        self.asked.append(tuple(ids))
        return torch.tensor([math.log(self.chance(token)) for token in ids[1:]], dtype=torch.float64)

    def score_endings(self, context: Sequence[int], endings: Sequence[Sequence[int]]) -> list[torch.Tensor]:
        return [self.score([*context, *ending])[-len(ending):] for ending in endings]

    def render(self, messages: Sequence[Any]) -> list[int]:
        return self.tokenizer.encode("".join(message.content for message in messages))

    def run(self, jobs: Iterable[Any], exact: bool = False) -> Iterator[Piece]:
        jobs = list(jobs)
        for index in reversed(range(len(jobs))):  # the last asked is the first to finish
            answer = self.answers[len(self.asked) + index]
            yield Piece(answer[:5], num_tok=1, index=index)
            yield Piece(answer[5:], num_tok=1, index=index, finish="stop")
        self.asked.extend(jobs)


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test sees another's ledger or journals."""
    monkeypatch.setenv("MAKAR_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def scripted() -> type[Scripted]:
    """The class of models that say what the test wants."""
    return Scripted
