"""GGUF metadata -> family and architecture, refusing by name whatever would change the model's results."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from makar.kit.errors import BadInput, Damaged
from makar.store.families import refuse_family
from makar.store.gguf_file import GGUFFile

_REFUSED = {  # key -> why; zero, absent and one (for scales) mean that the feature is off
    "expert_count": "a mixture of experts", "attn_logit_softcapping": "attention softcapping",
    "final_logit_softcapping": "logit softcapping", "attention.sliding_window": "sliding-window attention",
    "logit_scale": "scaled logits", "embedding_scale": "scaled embeddings", "residual_scale": "scaled residuals",
    "attention.scale": "its own attention scale", "attention.value_length_mla": "latent attention"}


def read_config(file: GGUFFile) -> tuple[str, dict[str, Any]]:
    """The family and the keyword arguments of the Transformer's `Config`.

    Raises: BadInput, Damaged
    """
    keys = file.metadata
    family = keys.get("general.architecture")
    refuse_family(family)
    if keys.get("split.count", 1) not in (0, 1):
        raise BadInput(f"'{file.path}' is one part of {keys['split.count']}; join the parts into one file first")
    for key, why in _REFUSED.items():
        if keys.get(f"{family}.{key}") not in (None, 0, 1, 0.0, 1.0, False):
            raise BadInput(f"'{file.path}' has {why} ({family}.{key}), which Makar's Transformer does not do")
    return str(family), _architecture(file, str(family))


def _architecture(file: GGUFFile, family: str) -> dict[str, Any]:
    def key(name: str, otherwise: Any = None) -> Any:
        value = file.metadata.get(f"{family}.{name}", otherwise)
        if value is None or isinstance(value, (list, str)):
            raise BadInput(f"'{file.path}': metadata key '{family}.{name}' should be a number, got {value!r:.80}")
        return value

    heads, dim = key("attention.head_count"), key("embedding_length")
    if not isinstance(heads, int) or not isinstance(dim, int) or heads < 1:
        raise BadInput(f"'{file.path}': {family}.attention.head_count is {heads!r}, embedding_length {dim!r}; "
                       "expected positive whole numbers")
    head_dim = key("attention.key_length", dim // heads)
    if key("attention.value_length", head_dim) != head_dim or key("rope.dimension_count", head_dim) != head_dim:
        raise BadInput(f"'{file.path}': keys, values and rotary positions differ in size (key {head_dim}); "
                       "Makar's Transformer wants them equal")
    if "token_embd.weight" not in file.tensors:
        raise Damaged(f"'{file.path}' has no tensor 'token_embd.weight'; it is incomplete")
    theta = float(key("rope.freq_base", 10000.0))
    return {
        "vocab_size": file.tensors["token_embd.weight"].shape[0], "dim": dim, "num_layers": key("block_count"),
        "num_heads": heads, "num_kv_heads": key("attention.head_count_kv", heads), "head_dim": head_dim,
        "hidden_dim": key("feed_forward_length"), "norm_eps": float(key("attention.layer_norm_rms_epsilon")),
        "rope_theta": theta, "context_tok": key("context_length"),
        "tie_embeddings": "output.weight" not in file.tensors, "qkv_bias": "blk.0.attn_q.bias" in file.tensors,
        "qk_norm": "blk.0.attn_q_norm.weight" in file.tensors,
        "rope_scaling": _rope_scaling(file, family, theta, head_dim)}


def _rope_scaling(file: GGUFFile, family: str, theta: float, head_dim: int) -> dict[str, Any] | None:
    def key(name: str, otherwise: float) -> float:
        return float(file.metadata.get(f"{family}.rope.scaling.{name}", otherwise))

    kind = file.metadata.get(f"{family}.rope.scaling.type", "none")
    if "rope_freqs.weight" in file.tensors:
        if kind != "none":
            raise BadInput(f"'{file.path}' has both rope_freqs and rope scaling '{kind}'; only one can hold")
        return _llama3_scaling(file, theta, head_dim)
    factor = key("factor", 1.0)
    if kind == "none" or (kind == "linear" and factor == 1.0):
        return None
    if kind == "linear":
        return {"type": "linear", "factor": factor}
    if kind == "yarn":
        context_tok = file.metadata.get(f"{family}.context_length", 0)
        original = int(file.metadata.get(f"{family}.rope.scaling.original_context_length", context_tok))
        attention = key("attn_factor", 1.0) * (0.1 * math.log(factor) + 1.0 if factor > 1 else 1.0)
        return {"type": "yarn", "factor": factor, "original_context_tok": original,
                "beta_fast": key("yarn_beta_fast", 32.0), "beta_slow": key("yarn_beta_slow", 1.0),
                "attention_factor": attention}
    raise BadInput(f"'{file.path}' has rope scaling '{kind}'; Makar's Transformer does linear, llama3 and yarn")


def llama3_divisors(theta: float, head_dim: int, scaling: Mapping[str, Any]) -> np.ndarray:
    """What each rotary frequency is divided by. Source: Llama 3.1 model card, `apply_scaling`."""
    frequency = theta ** -(np.arange(0, head_dim, 2, dtype=np.float64) / head_dim)
    low, high, factor = scaling["low_freq_factor"], scaling["high_freq_factor"], scaling["factor"]
    smooth = np.clip((scaling["original_context_tok"] * frequency / (2 * math.pi) - low) / (high - low), 0.0, 1.0)
    return np.asarray(1.0 / ((1 - smooth) / factor + smooth))


def _llama3_scaling(file: GGUFFile, theta: float, head_dim: int) -> dict[str, Any]:
    """The rule behind `rope_freqs`: the file keeps only the divisors, so the published rule is found and compared."""
    entry = file.tensors["rope_freqs.weight"]
    if entry.shape != (head_dim // 2,):
        raise Damaged(f"'{file.path}': rope_freqs has shape {entry.shape}, expected ({head_dim // 2},)")
    stored = file.rows("rope_freqs.weight", np.arange(1))[0]
    scaling: dict[str, Any] = {"type": "llama3", "factor": round(float(stored.max()), 4), "low_freq_factor": 1.0,
                               "high_freq_factor": 4.0, "original_context_tok": 8192}
    rule: Callable[..., np.ndarray] = llama3_divisors
    if not np.allclose(rule(theta, head_dim, scaling), stored, rtol=2e-3):
        raise BadInput(f"'{file.path}' has rotary frequencies (rope_freqs) that do not follow the Llama-3 rule; "
                       "they cannot be converted")
    return scaling
