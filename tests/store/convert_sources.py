"""Tiny models with random weights as GGUF files and as hub folders, made as the tools of each world make them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from gguf.constants import GGMLQuantizationType as Kind
from safetensors.numpy import save_file
from tokenizers import pre_tokenizers

DIM, HIDDEN, HEADS, KV_HEADS, LAYERS, CONTEXT = 64, 256, 4, 2, 2, 128
CONTROL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>")
ALPHABET = sorted(pre_tokenizers.ByteLevel.alphabet())
WORDS = ("Ġt", "he", "Ġthe", "in")
MERGES = ("Ġ t", "h e", "Ġt he", "i n")
TOKENS = (*ALPHABET, *WORDS, *CONTROL)
TEMPLATE = "{% for m in messages %}{{ m.role }}: {{ m.content }}<|im_end|>{% endfor %}"


def hub_weights(*, bias: bool = False, qk_norm: bool = False, tied: bool = False, seed: int = 0,
                head_dim: int = DIM // HEADS) -> dict[str, np.ndarray]:
    """Float32 tensors under their hub names."""
    random = np.random.default_rng(seed)
    wide, narrow = HEADS * head_dim, KV_HEADS * head_dim
    shapes: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (len(TOKENS), DIM), "model.norm.weight": (DIM,)}
    for layer in range(LAYERS):
        here = {"input_layernorm.weight": (DIM,), "post_attention_layernorm.weight": (DIM,),
                "self_attn.q_proj.weight": (wide, DIM), "self_attn.k_proj.weight": (narrow, DIM),
                "self_attn.v_proj.weight": (narrow, DIM), "self_attn.o_proj.weight": (DIM, wide),
                "mlp.gate_proj.weight": (HIDDEN, DIM), "mlp.up_proj.weight": (HIDDEN, DIM),
                "mlp.down_proj.weight": (DIM, HIDDEN)}
        if bias:
            here |= {f"self_attn.{part}_proj.bias": (size,) for part, size in zip("qkv", (wide, narrow, narrow),
                                                                                 strict=True)}
        if qk_norm:
            here |= {"self_attn.q_norm.weight": (head_dim,), "self_attn.k_norm.weight": (head_dim,)}
        shapes |= {f"model.layers.{layer}.{name}": shape for name, shape in here.items()}
    if not tied:
        shapes["lm_head.weight"] = (len(TOKENS), DIM)
    return {name: (random.standard_normal(shape) * 0.5).astype(np.float32) for name, shape in shapes.items()}


def hub_config(family: str = "llama", **changes: Any) -> dict[str, Any]:
    """A `config.json`."""
    return {"model_type": family, "vocab_size": len(TOKENS), "hidden_size": DIM, "num_hidden_layers": LAYERS,
            "num_attention_heads": HEADS, "num_key_value_heads": KV_HEADS, "intermediate_size": HIDDEN,
            "head_dim": DIM // HEADS, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "max_position_embeddings": CONTEXT,
            "tie_word_embeddings": False, "hidden_act": "silu", "eos_token_id": TOKENS.index("<|im_end|>"),
            "bos_token_id": TOKENS.index("<|im_start|>")} | changes


def tokenizer_json() -> dict[str, Any]:
    """A `tokenizer.json` with the vocabulary of `TOKENS`."""
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    added = [{"id": TOKENS.index(name), "content": name, "single_word": False, "lstrip": False, "rstrip": False,
              "normalized": False, "special": not name.startswith("<|fim")} for name in CONTROL]
    return {"version": "1.0", "truncation": {"direction": "Right", "max_length": 4, "strategy": "LongestFirst",
                                             "stride": 0}, "padding": None, "added_tokens": added, "normalizer": None,
            "pre_tokenizer": level, "post_processor": None, "decoder": level,
            "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
                      "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False,
                      "vocab": {token: id for id, token in enumerate(TOKENS)},
                      "merges": [rule.split() for rule in MERGES]}}


def write_hub(folder: Path, weights: Mapping[str, np.ndarray], config: Mapping[str, Any]) -> Path:
    """A hub folder with one weights file."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer_json()))
    (folder / "tokenizer_config.json").write_text(json.dumps(
        {"bos_token": None, "eos_token": {"content": "<|im_end|>"}, "chat_template": TEMPLATE}))
    save_file(dict(weights), folder / "model.safetensors")
    return folder


_GGUF_NAMES = {"input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm", "self_attn.q_proj": "attn_q",
               "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
               "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm", "mlp.gate_proj": "ffn_gate",
               "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down"}


def gguf_name(name: str) -> str:
    """What the GGUF world calls a hub tensor."""
    top = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight",
           "lm_head.weight": "output.weight"}
    if name in top:
        return top[name]
    layer, rest = name.removeprefix("model.layers.").split(".", 1)
    part, kind = rest.rsplit(".", 1)
    return f"blk.{layer}.{_GGUF_NAMES[part]}.{kind}"


def interleave(weight: np.ndarray, num_heads: int) -> np.ndarray:
    """Llama's rotary halves woven together, as GGUF keeps them."""
    parts = weight.reshape(num_heads, 2, weight.shape[0] // num_heads // 2, *weight.shape[1:])
    return parts.swapaxes(1, 2).reshape(weight.shape)


def write_gguf(path: Path, weights: Mapping[str, np.ndarray], *, family: str = "llama", kind: Kind = Kind.F32,
               keys: Mapping[str, Any] | None = None,
               tensors: Mapping[str, tuple[np.ndarray, Kind]] | None = None) -> Path:
    """A GGUF file: matrices of the blocks as `kind`, the rest in float32; `keys` change or add metadata."""
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = gguf.GGUFWriter(path, family)
    for key, value in (gguf_keys(family, weights) | dict(keys or {})).items():
        _add_key(writer, key, value)
    for name, weight in weights.items():
        if family == "llama" and ("q_proj" in name or "k_proj" in name):
            weight = interleave(weight, HEADS if "q_proj" in name else KV_HEADS)
        if weight.ndim == 2 and "layers" in name and kind is not Kind.F32:
            writer.add_tensor(gguf_name(name), gguf.quantize(weight, kind), raw_dtype=kind)
        else:
            writer.add_tensor(gguf_name(name), weight)
    for name, (weight, stored_as) in (tensors or {}).items():
        writer.add_tensor(name, weight, raw_dtype=stored_as)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def gguf_keys(family: str, weights: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """The metadata of a tiny model; None leaves a key out."""
    head_dim = weights["model.layers.0.self_attn.q_proj.weight"].shape[0] // HEADS
    return {f"{family}.block_count": LAYERS, f"{family}.context_length": CONTEXT, f"{family}.embedding_length": DIM,
            f"{family}.feed_forward_length": HIDDEN, f"{family}.attention.head_count": HEADS,
            f"{family}.attention.head_count_kv": KV_HEADS, f"{family}.attention.layer_norm_rms_epsilon": 1e-5,
            f"{family}.attention.key_length": head_dim, f"{family}.attention.value_length": head_dim,
            f"{family}.rope.freq_base": 10000.0, "tokenizer.ggml.model": "gpt2", "tokenizer.ggml.pre": "gpt-2",
            "tokenizer.ggml.tokens": list(TOKENS), "tokenizer.ggml.merges": list(MERGES),
            "tokenizer.ggml.token_type": [3 if token in CONTROL else 1 for token in TOKENS],
            "tokenizer.ggml.eos_token_id": TOKENS.index("<|im_end|>"),
            "tokenizer.ggml.bos_token_id": TOKENS.index("<|im_start|>"), "tokenizer.ggml.add_bos_token": False,
            "tokenizer.chat_template": TEMPLATE, "general.license": "apache-2.0"}


def _add_key(writer: gguf.GGUFWriter, key: str, value: Any) -> None:
    if isinstance(value, bool):
        writer.add_bool(key, value)
    elif isinstance(value, int):
        writer.add_uint32(key, value)
    elif isinstance(value, float):
        writer.add_float32(key, value)
    elif isinstance(value, str):
        writer.add_string(key, value)
    elif value is not None:
        writer.add_array(key, value)


def part(native: Mapping[str, Any], layer: int, name: str) -> Any:
    """The rows of a native tensor that one hub tensor became, such as `self_attn.q_proj.weight`."""
    wide = native[f"blocks.{layer}.attention.o.weight"].shape[1]
    narrow = wide // HEADS * KV_HEADS
    places = {"self_attn.q_proj": ("attention.qkv", 0, wide),
              "self_attn.k_proj": ("attention.qkv", wide, wide + narrow),
              "self_attn.v_proj": ("attention.qkv", wide + narrow, wide + 2 * narrow),
              "self_attn.o_proj": ("attention.o", 0, None), "mlp.gate_proj": ("mlp.gate_up", 0, HIDDEN),
              "mlp.up_proj": ("mlp.gate_up", HIDDEN, 2 * HIDDEN), "mlp.down_proj": ("mlp.down", 0, None)}
    module, kind = name.rsplit(".", 1)
    tensor, start, end = places[module]
    return native[f"blocks.{layer}.{tensor}.{kind}"][start:end]
