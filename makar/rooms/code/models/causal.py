"""Any stored model of the Llama, SmolLM, Qwen2 and Qwen3 families; code models fill gaps as well."""

from __future__ import annotations

from makar.methods.autoregress import LanguageModel
from makar.store import StoredModel


def build(stored: StoredModel) -> LanguageModel:
    """Opens the stored weights.

    Raises: Damaged, BadInput
    """
    return LanguageModel.open(stored)
