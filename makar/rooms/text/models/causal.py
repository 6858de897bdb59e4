"""Any stored Llama-, SmolLM-, Qwen2- or Qwen3-family model, run by Makar's own Transformer."""

from __future__ import annotations

from makar.methods.autoregress import LanguageModel
from makar.store import StoredModel


def build(stored: StoredModel) -> LanguageModel:
    """Opens the stored weights.

    Raises: Damaged, BadInput
    """
    return LanguageModel.open(stored)
