"""What rows of any form have in common: which of their fields is the text, and which names the licence."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from makar.curation.record import UNKNOWN
from makar.curation.spdx import named

TEXT_FIELDS = ("text", "content", "body", "document", "article", "story")
LICENCE_FIELDS = ("license", "licence", "license_type", "rights")


def text_field(names: Collection[str], asked: str) -> str | None:
    """The field that holds the text; None where there is none."""
    return next((name for name in ((asked,) if asked else TEXT_FIELDS) if name in names), None)


def missing(names: Collection[str], asked: str) -> str:
    """What to say when there is no text field."""
    listed = ", ".join(list(names)[:12]) or "none"
    return (f"no field '{asked or 'text'}'; the fields are {listed}; "
            "choose one: --set read.text_field=NAME")


def licence_of(row: Mapping[str, Any]) -> str:
    """The licence that a row names, as SPDX; "unknown" where it names none that is known."""
    for name in LICENCE_FIELDS:
        value = row.get(name)
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        if isinstance(value, str) and value.strip():
            return named(value)
    return UNKNOWN
