"""A check looks at a subject and gives a verdict. One file in `checks/` is one check; entry points add more."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from makar.kit.content import Content, data_of, text_of
from makar.kit.span import Span as Span


@dataclass(frozen=True)
class Subject:
    """What a check is shown: the content and what was asked for.

    content: text, or the bytes of a file
    asked: the parts of the request that checks judge by: `language` (ISO 639-1), `json_schema` (dict),
    `tests` (pytest source), `given` (the user's file of which this is a new version), each absent where the request
    did not ask.
    final: False while the content is still being streamed and may go on.
    """

    content: Content
    media_type: str
    asked: Mapping[str, Any] = field(default_factory=dict)
    final: bool = True

    @property
    def text(self) -> str:
        """The content, for a check of texts."""
        return text_of(self.content)

    @property
    def data(self) -> bytes:
        """The content as bytes, for a check of files."""
        return data_of(self.content)


@dataclass(frozen=True)
class Verdict:
    """What one check found. `score` is in [0, 1], 1 is flawless; `spans` are the places in a text that made it fail."""

    check: str
    passed: bool
    score: float
    reason: str
    spans: tuple[Span, ...] = ()
    ms: float = 0.0


@dataclass(frozen=True)
class Check:
    """A check: its name, the media types it reads, whether it can judge a text that is still growing.

    hold_back_chars: how many of the last characters of a growing text must wait, since what follows could turn them
    into part of a finding. A streaming check must find the same spans in a text however much follows it, except within
    this distance of the end.
    asked: the key of `Subject.asked` without which there is nothing to judge (the check is then skipped).
    excuses_given: what stood in the user's own file (`Subject.asked["given"]`) before is no finding in the new one.
    """

    name: str
    run: Callable[[Subject], Verdict]
    media_types: tuple[str, ...] = ("text/",)
    streaming: bool = False
    hold_back_chars: int = 0
    asked: str | None = None
    excuses_given: bool = False
    limit_s: float = 5.0
