"""Any stored Llama-, SmolLM-, Qwen2- or Qwen3-family model, run by Makar's own kernel or Transformer."""

from __future__ import annotations

from makar.methods.autoregress import LanguageModel, Runtime
from makar.store import StoredModel


def build(stored: StoredModel, runtime: Runtime | None = None) -> LanguageModel:
    """Opens the stored weights, to be run as `runtime` says.

    Raises: Damaged, BadInput, OutOfRoom
    """
    return LanguageModel.open(stored, runtime)
