"""One work as the page shows it: what was asked, what came of it, what the checks said, what is on record."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, cast


@dataclass(frozen=True)
class Request:
    """What is asked for, before anything was made.

    kind: prose, python or json. attachment: tests or a schema that the work is held to, with its name.
    """

    title: str
    why: str
    prompt: str
    kind: str
    attachment_name: str = ""
    attachment: str = ""


@dataclass(frozen=True)
class Exhibit:
    """A request and its outcome.

    outcome: released, or withheld with `reasons`. notes: what happened on the way, attempts for example.
    marked: the content in parts, each with where else it stands; figure: SVG that Makar drew itself
    """

    request: Request
    outcome: str
    content: str
    record: Mapping[str, Any]
    seconds: float
    reasons: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    verdicts: tuple[Mapping[str, Any], ...] = ()
    marked: tuple[tuple[str, str], ...] = ()
    figure: str = ""

    @property
    def released(self) -> bool:
        """Whether the work left."""
        return self.outcome == "released"


@dataclass(frozen=True)
class Chain:
    """The part of the ledger that the demonstration wrote, and what verifying all of it gave."""

    ok: bool
    num_stamps: int
    problems: tuple[str, ...]
    seconds: float
    stamps: tuple[Mapping[str, str], ...] = ()


T = TypeVar("T")


def masked(value: T, secret: str) -> T:
    """`value` with every occurrence of `secret`, in whatever depth, shortened to its first letters and dots."""
    return cast(T, _masked(value, secret))


def _masked(value: Any, secret: str) -> Any:
    if isinstance(value, str):
        return value.replace(secret, f"{secret[:4]}{'•' * 8}")
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: _masked(getattr(value, field.name), secret) for field in dataclasses.fields(value)}
        return dataclasses.replace(value, **fields)
    if isinstance(value, Mapping):
        return {key: _masked(item, secret) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_masked(item, secret) for item in value)
    return value
