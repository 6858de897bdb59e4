"""The kinds of marks: the module `makar.marks.KIND` exports the mark of that kind of media."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from makar.kit import plugins

_TEXT = ("application/json", "application/javascript", "application/xml")
_UNMARKED = ("image/svg+xml",)  # shapes, no pixels: whoever draws it anew, to the eye the same, has no mark to remove


@dataclass(frozen=True)
class Mark:
    """One kind of mark.

    scheme: name and version of how it is embedded; a work's record carries it
    detect: (content, ...), a text or the bytes of a file -> a finding with `found`, `p_value`, `key`, `scheme`,
    `payload` and the sentence `says`
    """

    scheme: str
    detect: Callable[..., Any]


def mark_of(media_type: str) -> Mark | None:
    """The mark for works of that media type; None where there is none, as for drawings in SVG."""
    kind = "text" if media_type in _TEXT else media_type.partition("/")[0]
    if media_type in _UNMARKED or kind not in plugins.names("makar.marks", group="makar.marks"):
        return None
    mark: Mark = plugins.load("makar.marks", kind, "MARK", group="makar.marks")
    return mark
