"""The models of the text room, one file each."""

from __future__ import annotations

from makar.methods.autoregress import LanguageModel, Runtime
from makar.rooms.text.models import causal, tiny
from makar.store import StoredModel


def build(stored: StoredModel | None, runtime: Runtime | None = None) -> LanguageModel:
    """The stored language model, or the tiny one where nothing is stored."""
    return tiny.build() if stored is None else causal.build(stored, runtime)
