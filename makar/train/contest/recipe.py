"""A recipe for a contest: a run as a function that returns its configuration, and where its pictures are to be had."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from makar.train.contest.config import Config


@dataclass(frozen=True)
class ContestRecipe:
    """obtain: makes the file of that many pictures with attributes in a folder, once, and says where it is."""

    summary: str
    config: Callable[[], Config]
    obtain: Callable[[Path, int], Path]
