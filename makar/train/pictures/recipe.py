"""A recipe for pictures: a run as a function that returns its configuration, and where its pack is to be had."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from makar.codecs.pack import Pack
from makar.codecs.prompts import Prompts
from makar.train.pictures.config import Config


@dataclass(frozen=True)
class PictureRecipe:
    """obtain: makes the pack by itself in a folder, or goes on making it, its words told as those of a model that is to
    be trained on, if there is one.
    """

    summary: str
    config: Callable[[], Config]
    obtain: Callable[[Path, Prompts | None], Pack]
