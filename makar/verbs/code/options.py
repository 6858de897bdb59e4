"""How the code verbs answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypedDict

from makar.kit.config import from_json
from makar.kit.errors import BadInput

MOST_ATTEMPTS = 32


@dataclass(frozen=True)
class CodeOptions:
    """The settings that all code verbs share.

    max_tokens: of one answer; None is 1,024, or what the context has left.
    temperature: of the first attempt; those after it are drawn at 0.6 at least, for the same again would fail again.
    mark: draw so that the code can be recognised by who has the key; greedy answers (temperature 0) never are.
    seed: attempt i is drawn with `seed + i`; None is 0, so that the same request gives the same code.
    attempts: how many answers may be tried until one does what was asked.
    policy: `default`, `strict`, or the path of a TOML file.
    """

    model: str | None = None
    max_tokens: int | None = None
    temperature: float = 0.0
    top_p: float = 0.95
    seed: int | None = None
    mark: bool = True
    attempts: int = 4
    policy: str = "default"
    exact: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.attempts <= MOST_ATTEMPTS:
            raise BadInput(f"attempts is between 1 and {MOST_ATTEMPTS}; got {self.attempts}")


class CodeSettings(TypedDict, total=False):
    """The fields of CodeOptions as keywords."""

    model: str | None
    max_tokens: int | None
    temperature: float
    top_p: float
    seed: int | None
    mark: bool
    attempts: int
    policy: str
    exact: bool


def options_of(settings: Mapping[str, Any]) -> CodeOptions:
    """Keywords as options, their names and types checked.

    Raises: UnknownName, BadInput
    """
    return from_json(CodeOptions, settings)
