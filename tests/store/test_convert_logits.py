"""A model saved by transformers, converted and run by our Transformer, gives the same logits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import convert_sources as sources
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoConfig, AutoModelForCausalLM

from makar.kit.config import from_json
from makar.nets.transformer import Config, Transformer
from makar.store.convert import convert

_SHAPE = {"vocab_size": len(sources.TOKENS), "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2,
          "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 256, "bos_token_id": 0,
          "eos_token_id": 0, "pad_token_id": 0}
_LLAMA3 = {"rope_type": "llama3", "factor": 4.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
           "original_max_position_embeddings": 32, "rope_theta": 10000.0}
_YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64, "rope_theta": 10000.0}
_LINEAR = {"rope_type": "linear", "factor": 2.0, "rope_theta": 10000.0}


@pytest.mark.parametrize(("family", "changes"), [
    ("llama", {"tie_word_embeddings": True}), ("llama", {"rope_parameters": _LLAMA3}),
    ("llama", {"rope_parameters": _LINEAR, "head_dim": 32}), ("qwen2", {}),
    ("qwen2", {"rope_parameters": _YARN}), ("qwen3", {"head_dim": 32})])
def test_logits_are_those_of_transformers(tmp_path: Path, family: str, changes: dict[str, Any]) -> None:
    torch.manual_seed(0)
    theirs = AutoModelForCausalLM.from_config(AutoConfig.for_model(family, **_SHAPE, **changes)).float().eval()
    for name, weight in theirs.named_parameters():
        with torch.no_grad():
            weight.normal_(1.0 if "norm" in name else 0.0, 0.2)
    theirs.save_pretrained(tmp_path / "hub")
    (tmp_path / "hub/tokenizer.json").write_text(json.dumps(sources.tokenizer_json()))
    convert(tmp_path / "hub", tmp_path / "native", dtype="float32")
    model = json.loads((tmp_path / "native/model.json").read_text())
    ours = Transformer.of(from_json(Config, model["architecture"]),
                          load_file(tmp_path / "native/weights.safetensors"))
    tokens = torch.randint(len(sources.TOKENS), (1, 80))
    cache = ours.new_cache()
    cache.reserve(1, 80)
    with torch.no_grad():
        found, expected = ours.logits(ours(tokens, [0], cache)), theirs(tokens).logits[0]
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)
