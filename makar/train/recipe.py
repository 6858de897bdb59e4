"""A recipe: a run as a function that returns its configuration, and where its data is to be had."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from makar.train.config import Config
from makar.train.source import Source


@dataclass(frozen=True)
class Recipe:
    """obtain: gets the data by itself, with a folder to put it in; None where the user must name the data."""

    summary: str
    config: Callable[[], Config]
    obtain: Callable[[Path], Source] | None = None
