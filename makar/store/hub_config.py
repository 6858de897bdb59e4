"""A hub's `config.json` -> family and architecture, refusing by name whatever would change the model's results."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from makar.kit.errors import BadInput
from makar.store.families import refuse_family
from makar.store.safetensors_folder import SafetensorsFolder

_NEEDED = ("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size")
_HEAD_DIM = {"qwen3": 128}
_CONTEXT_TOK = {"llama": 2048, "qwen2": 32768, "qwen3": 32768}
_REFUSED = {"quantization_config": "weights quantised in the hub's own way", "num_experts": "a mixture of experts",
            "num_local_experts": "a mixture of experts", "attn_logit_softcapping": "attention softcapping",
            "final_logit_softcapping": "logit softcapping", "mlp_bias": "biases in its feed-forward layers"}


def read_config(folder: SafetensorsFolder) -> tuple[str, dict[str, Any]]:
    """The family and the keyword arguments of the Transformer's `Config`.

    Raises: BadInput
    """
    config = folder.config
    family = config.get("model_type")
    refuse_family(family)
    for key in _NEEDED:
        if isinstance(config.get(key), bool) or not isinstance(config.get(key), int) or config[key] < 1:
            raise BadInput(f"'{folder.folder}/config.json': {key} is {config.get(key)!r:.80}; "
                           "expected a positive whole number")
    _refuse(config, f"'{folder.folder}'")
    return str(family), _architecture(folder, str(family))


def _refuse(config: Mapping[str, Any], where: str) -> None:
    for key, why in _REFUSED.items():
        if config.get(key):
            raise BadInput(f"{where} has {why} ({key}), which Makar cannot convert")
    slides = bool(config.get("use_sliding_window") and config.get("sliding_window"))
    if slides and isinstance(config.get("max_window_layers"), int):  # the layers before that one see everything
        slides = config["max_window_layers"] < config["num_hidden_layers"]
    kinds = config.get("layer_types") or ["full_attention"]
    if slides or not isinstance(kinds, list) or any(kind != "full_attention" for kind in kinds):
        raise BadInput(f"{where} has sliding-window attention, which Makar's Transformer does not do")
    if config.get("hidden_act", "silu") != "silu":
        raise BadInput(f"{where} has the activation '{config['hidden_act']}'; expected silu")
    if config.get("partial_rotary_factor", 1.0) != 1.0:
        raise BadInput(f"{where} rotates only a part of each head (partial_rotary_factor); expected 1.0")


def _architecture(folder: SafetensorsFolder, family: str) -> dict[str, Any]:
    config = folder.config
    vocab_size, dim, num_layers, heads, hidden_dim = (config[key] for key in _NEEDED)
    rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
    if not isinstance(rope, dict):
        raise BadInput(f"'{folder.folder}/config.json': rope scaling should be an object, got {rope!r:.80}")
    context_tok = config.get("max_position_embeddings", _CONTEXT_TOK[family])
    return {
        "vocab_size": vocab_size, "dim": dim, "num_layers": num_layers, "num_heads": heads,
        "num_kv_heads": config.get("num_key_value_heads") or heads,
        "head_dim": config.get("head_dim") or _HEAD_DIM.get(family, dim // heads), "hidden_dim": hidden_dim,
        "norm_eps": config.get("rms_norm_eps", 1e-6), "context_tok": context_tok,
        "rope_theta": config.get("rope_theta") or rope.get("rope_theta", 10000.0),
        "tie_embeddings": bool(config.get("tie_word_embeddings", "lm_head.weight" not in folder.tensors)),
        "qkv_bias": "model.layers.0.self_attn.q_proj.bias" in folder.tensors,
        "qk_norm": "model.layers.0.self_attn.q_norm.weight" in folder.tensors,
        "rope_scaling": rope_scaling(rope, context_tok)}


def rope_scaling(rope: Mapping[str, Any], context_tok: int) -> dict[str, Any] | None:
    """The rule by which positions are stretched, in the words of the Transformer's `Config`. Raises: BadInput"""
    kind = rope.get("rope_type", rope.get("type", "default"))
    if kind == "default":
        return None

    def number(key: str, otherwise: float | None = None) -> float:
        value = rope.get(key)
        value = otherwise if value is None else value
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 1e9:
            raise BadInput(f"rope scaling '{kind}' has {key} {value!r:.80}; expected a positive number")
        return value

    if kind == "linear":
        return {"type": "linear", "factor": float(number("factor"))}
    original = int(number("original_max_position_embeddings", context_tok))
    if kind == "llama3":
        return {"type": "llama3", "factor": float(number("factor")), "original_context_tok": original,
                "low_freq_factor": float(number("low_freq_factor")),
                "high_freq_factor": float(number("high_freq_factor"))}
    if kind == "yarn" and not rope.get("mscale") and not rope.get("mscale_all_dim") and rope.get("truncate", True):
        factor = float(number("factor"))
        usual = 0.1 * math.log(factor) + 1.0 if factor > 1 else 1.0
        return {"type": "yarn", "factor": factor, "original_context_tok": original,
                "beta_fast": float(number("beta_fast", 32.0)), "beta_slow": float(number("beta_slow", 1.0)),
                "attention_factor": float(number("attention_factor", usual))}
    raise BadInput(f"rope scaling '{kind}' (or a variant of it) is not known; "
                   "Makar's Transformer does linear, llama3 and yarn")
