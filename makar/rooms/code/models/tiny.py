"""A byte-level model with random weights: builds at once, downloads nothing, writes no code that means anything."""

from __future__ import annotations

from makar.methods.autoregress import LanguageModel


def build() -> LanguageModel:
    """The tiny model; the same weights every time."""
    return LanguageModel.tiny()
