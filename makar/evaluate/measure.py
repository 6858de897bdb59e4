"""What a measure is, what it needs of a model, and what it results in."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from makar.evaluate.statistics import Interval
from makar.kit.errors import BadInput
from makar.kit.files import read_text


class Tokens(Protocol):
    """What a measure needs of a tokenizer."""

    def encode(self, text: str, special: bool = False) -> list[int]:
        """Token ids of a text."""

    def bytes_of(self, token_id: int) -> bytes:
        """The bytes that a token stands for."""


class Card(Protocol):
    """What a measure needs of a model's card."""

    @property
    def bos_id(self) -> int | None:
        """The token that begins every text of this model, if one does."""


class Model(Protocol):
    """What a measure needs of a language model."""

    @property
    def card(self) -> Card:
        """Who the model is."""

    @property
    def name(self) -> str:
        """Its name in the store."""

    @property
    def sha256(self) -> str:
        """The identity of its weights."""

    @property
    def training_data(self) -> str:
        """What is known of what it was trained on."""

    @property
    def arithmetic(self) -> Mapping[str, Any]:
        """What computes it: another arithmetic rounds differently."""

    @property
    def context_tok(self) -> int:
        """The most tokens it can look at."""

    @property
    def tokenizer(self) -> Tokens:
        """Its tokenizer."""

    def score(self, ids: Sequence[int]) -> Any:
        """Log-probability of every token but the first. Shapes: (len(ids) - 1,)"""

    def guesses(self, ids: Sequence[int]) -> Any:
        """What the model might have drawn in place of each token."""

    def score_endings(self, context: Sequence[int], endings: Sequence[Sequence[int]]) -> list[Any]:
        """Log-probabilities of the tokens of every ending. Shapes: one (len(ending),) per ending"""

    def render(self, messages: Sequence[Any]) -> list[int]:
        """Token ids of a conversation, up to where the answer begins."""

    def run(self, jobs: Iterable[Any], exact: bool = False) -> Iterator[Any]:
        """Pieces of every job, as they are made."""


def text_ids(model: Model, text: str) -> list[int]:
    """Token ids of a text that stands alone, begun as the model's texts begin."""
    begin = [] if model.card.bos_id is None else [model.card.bos_id]
    return begin + model.tokenizer.encode(text)


@dataclass(frozen=True)
class Task:
    """One thing a model is asked; `key` is its name within the data."""

    key: str
    content: Any


@dataclass(frozen=True)
class Item:
    """What a model made of one task, as JSON values."""

    key: str
    outcome: Mapping[str, Any]


@dataclass(frozen=True)
class Figure:
    """One number and its interval. `share` figures are shown as percentages."""

    name: str
    value: float
    interval: Interval
    share: bool = False


@dataclass(frozen=True)
class Result:
    """What was measured, of which model, on which data, how. The first figure is the one that is quoted."""

    measure: str
    figures: tuple[Figure, ...]
    num_items: int
    seconds: float
    model: Mapping[str, str]
    data: Mapping[str, Any]
    settings: Mapping[str, Any]
    platform: Mapping[str, Any]

    @property
    def figure(self) -> Figure:
        """The figure that is quoted."""
        return self.figures[0]


@dataclass(frozen=True)
class Measure:
    """One measure: how its data are read, asked and summed up.

    settings: everything that changes the figure, for the record
    page: the result and its items as an HTML page with curves, where the measure has some
    room: whose models it is for
    """

    name: str
    summary: str
    settings: Mapping[str, Any]
    tasks: Callable[[Model, Path], list[Task]]
    run: Callable[[Model, Sequence[Task]], Iterator[Item]]
    figures: Callable[[Sequence[Item]], tuple[Figure, ...]]
    page: Callable[[Result, Sequence[Item]], str] | None = None
    room: str = "text"


def read_lines(path: Path, fields: Mapping[str, type]) -> list[tuple[str, dict[str, Any]]]:
    """The objects of a JSON-lines file, each with at least `fields` of those types, and the words for where it stands.

    Raises: NotHere, BadInput (with the line's number)
    """
    rows = []
    for number, line in enumerate(read_text(path, limit_bytes=200_000_000).splitlines(), start=1):
        if line.strip():
            where = f"'{path}' line {number}"
            rows.append((where, _row(line, fields, where)))
    if not rows:
        raise BadInput(f"'{path}' has no items; expected one JSON object a line with {', '.join(fields)}")
    return rows


def _row(line: str, fields: Mapping[str, type], where: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise BadInput(f"{where} is not JSON: {error.msg} at column {error.colno}") from error
    if not isinstance(row, dict):
        raise BadInput(f"{where}: expected an object, got {type(row).__name__}")
    for name, kind in fields.items():
        if name not in row:
            raise BadInput(f"{where} has no '{name}'; expected {', '.join(fields)}")
        if not isinstance(row[name], kind) or isinstance(row[name], bool):
            raise BadInput(f"{where}: '{name}' should be {kind.__name__}, got {type(row[name]).__name__}")
    return row
