"""A place in a text."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Span:
    """Characters [start, end) of the content, and what they were found to be."""

    start: int
    end: int
    label: str
