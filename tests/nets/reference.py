"""The same weights in the transformers library: an independent implementation to compare with."""

from __future__ import annotations

import torch
from torch import Tensor
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from makar.nets.transformer import Config, Transformer

_NAMES = {"attention.norm": "input_layernorm", "attention.o": "self_attn.o_proj",
          "attention.q_norm": "self_attn.q_norm", "attention.k_norm": "self_attn.k_norm",
          "mlp.norm": "post_attention_layernorm", "mlp.down": "mlp.down_proj"}
_WHOLE = {"embed.weight": "model.embed_tokens.weight", "norm.weight": "model.norm.weight",
          "head.weight": "lm_head.weight"}


def random_weights(config: Config, seed: int = 0) -> dict[str, Tensor]:
    """Weights large enough that every part of the net shows in the logits."""
    random = torch.Generator().manual_seed(seed)
    return {name: torch.randn(empty.shape, generator=random) * (0.3 if empty.dim() == 1 else empty.shape[-1] ** -0.5)
            + (1.0 if "norm" in name else 0.0) for name, empty in Transformer(config).state_dict().items()}


def reference(config: Config, weights: dict[str, Tensor], rope: dict[str, object] | None = None) -> PreTrainedModel:
    """The transformers model of this shape with these weights, in fp32."""
    family = ((Qwen3Config, Qwen3ForCausalLM) if config.qk_norm else
              (Qwen2Config, Qwen2ForCausalLM) if config.qkv_bias else (LlamaConfig, LlamaForCausalLM))
    described = family[0](
        vocab_size=config.vocab_size, hidden_size=config.dim, intermediate_size=config.hidden_dim,
        num_hidden_layers=config.num_layers, num_attention_heads=config.num_heads,
        num_key_value_heads=config.num_kv_heads, head_dim=config.head_dim, rms_norm_eps=config.norm_eps,
        max_position_embeddings=config.context_tok, tie_word_embeddings=config.tie_embeddings,
        rope_parameters={"rope_theta": config.rope_theta, "rope_type": "default"} | (rope or {}),
        bos_token_id=0, eos_token_id=0, pad_token_id=0)
    model = family[1](described).eval()
    state = {theirs: tensor for name, weight in weights.items() for theirs, tensor in _renamed(config, name, weight)}
    if config.tie_embeddings:
        state["lm_head.weight"] = weights["embed.weight"]
    model.load_state_dict(state)
    return model


def _renamed(config: Config, name: str, weight: Tensor) -> list[tuple[str, Tensor]]:
    if name in _WHOLE:
        return [(_WHOLE[name], weight)]
    _, layer, group, part, kind = name.split(".")
    prefix = f"model.layers.{layer}"
    if part == "qkv":
        rows = [config.num_heads * config.head_dim] + [config.num_kv_heads * config.head_dim] * 2
        return [(f"{prefix}.self_attn.{letter}_proj.{kind}", rows_of)
                for letter, rows_of in zip("qkv", weight.split(rows), strict=True)]
    if part == "gate_up":
        return [(f"{prefix}.mlp.{half}_proj.{kind}", rows_of)
                for half, rows_of in zip(("gate", "up"), weight.chunk(2), strict=True)]
    return [(f"{prefix}.{_NAMES[f'{group}.{part}']}.{kind}", weight)]
