"""A recipe for an autoencoder: a run as a function that returns its configuration, and where its pack is to be had."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from makar.codecs.pack import Pack
from makar.train.autoencoder.config import Config


@dataclass(frozen=True)
class AutoencoderRecipe:
    """obtain: makes the pack by itself in a folder, or goes on making it."""

    summary: str
    config: Callable[[], Config]
    obtain: Callable[[Path], Pack]
