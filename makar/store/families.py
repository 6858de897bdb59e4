"""The model families Makar loads: what their configuration means here and what their tensors are called.

`Plan` is all that conversion needs: the architecture of `nets.transformer.Config` and, for each native tensor, its
shape, the name it has in the source and whether its rows must be un-permuted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from makar.kit.errors import BadInput, Damaged

FAMILIES = ("llama", "qwen2", "qwen3")
_LIMITS = {"vocab_size": 1 << 21, "dim": 1 << 16, "num_layers": 512, "num_heads": 1024, "num_kv_heads": 1024,
           "head_dim": 1024, "hidden_dim": 1 << 19, "context_tok": 1 << 25}


@dataclass(frozen=True)
class Target:
    """One native tensor, or consecutive rows of one: where they come from, how many heads to un-permute (Llama GGUF).

    Targets of one name follow each other; together their rows are the tensor, so that q, k and v are read as one.
    """

    name: str
    source: str
    shape: tuple[int, ...]
    num_heads_permuted: int = 0

    @property
    def full_precision(self) -> bool:
        """Norms stay in float32."""
        return self.name.endswith("norm.weight")

    def row_order(self) -> np.ndarray:
        """Source row of each native row: GGUF keeps Llama's q and k interleaved, Makar keeps the halves apart."""
        num_rows = 1 if len(self.shape) == 1 else self.shape[0]
        if not self.num_heads_permuted or len(self.shape) == 1:
            return np.arange(num_rows)
        return interleaved_order(num_rows, self.num_heads_permuted)


def interleaved_order(num_rows: int, num_heads: int) -> np.ndarray:
    """For each half-split row of `num_heads` heads, the row that holds it in the interleaved form."""
    return np.arange(num_rows).reshape(num_heads, -1, 2).swapaxes(1, 2).reshape(-1)


@dataclass(frozen=True)
class Plan:
    """What the converted model is and how each of its tensors is found."""

    family: str
    architecture: Mapping[str, Any]
    targets: tuple[Target, ...]


# part -> (GGUF name, Hugging Face name); {n} is the layer
_TOP = {"embed.weight": ("token_embd.weight", "model.embed_tokens.weight"),
        "norm.weight": ("output_norm.weight", "model.norm.weight"),
        "head.weight": ("output.weight", "lm_head.weight")}
_BLOCK = {
    "attn_norm.weight": ("blk.{n}.attn_norm.weight", "model.layers.{n}.input_layernorm.weight"),
    "q.weight": ("blk.{n}.attn_q.weight", "model.layers.{n}.self_attn.q_proj.weight"),
    "k.weight": ("blk.{n}.attn_k.weight", "model.layers.{n}.self_attn.k_proj.weight"),
    "v.weight": ("blk.{n}.attn_v.weight", "model.layers.{n}.self_attn.v_proj.weight"),
    "q.bias": ("blk.{n}.attn_q.bias", "model.layers.{n}.self_attn.q_proj.bias"),
    "k.bias": ("blk.{n}.attn_k.bias", "model.layers.{n}.self_attn.k_proj.bias"),
    "v.bias": ("blk.{n}.attn_v.bias", "model.layers.{n}.self_attn.v_proj.bias"),
    "o.weight": ("blk.{n}.attn_output.weight", "model.layers.{n}.self_attn.o_proj.weight"),
    "q_norm.weight": ("blk.{n}.attn_q_norm.weight", "model.layers.{n}.self_attn.q_norm.weight"),
    "k_norm.weight": ("blk.{n}.attn_k_norm.weight", "model.layers.{n}.self_attn.k_norm.weight"),
    "mlp_norm.weight": ("blk.{n}.ffn_norm.weight", "model.layers.{n}.post_attention_layernorm.weight"),
    "gate.weight": ("blk.{n}.ffn_gate.weight", "model.layers.{n}.mlp.gate_proj.weight"),
    "up.weight": ("blk.{n}.ffn_up.weight", "model.layers.{n}.mlp.up_proj.weight"),
    "down.weight": ("blk.{n}.ffn_down.weight", "model.layers.{n}.mlp.down_proj.weight"),
}
GGUF, HUGGING_FACE = 0, 1

# the tensor of `nets.transformer` that each part of a block is, or is rows of
_NATIVE = {"attn_norm.weight": "attention.norm.weight", "q.weight": "attention.qkv.weight",
           "k.weight": "attention.qkv.weight", "v.weight": "attention.qkv.weight", "q.bias": "attention.qkv.bias",
           "k.bias": "attention.qkv.bias", "v.bias": "attention.qkv.bias", "o.weight": "attention.o.weight",
           "q_norm.weight": "attention.q_norm.weight", "k_norm.weight": "attention.k_norm.weight",
           "mlp_norm.weight": "mlp.norm.weight", "gate.weight": "mlp.gate_up.weight", "up.weight": "mlp.gate_up.weight",
           "down.weight": "mlp.down.weight"}


def refuse_family(name: object) -> None:
    """Raises: BadInput when no such family is known."""
    if name not in FAMILIES:
        raise BadInput(f"a model of family '{name}' cannot be converted; Makar knows {', '.join(FAMILIES)} "
                       "(SmolLM and SmolLM2 are llama)")


def plan(family: str, architecture: Mapping[str, Any], dialect: int, present: Iterable[str]) -> Plan:
    """The tensors that `architecture` needs, named in the source's dialect; nothing may be missing or left over.

    Raises: BadInput, Damaged
    """
    names = frozenset(present)
    _check_sizes(architecture)
    targets = tuple(_targets(family, architecture, dialect))
    wanted = {target.source for target in targets}
    if missing := sorted(wanted - names):
        raise Damaged(f"tensor '{missing[0]}' is missing ({len(missing)} of {len(wanted)} are); "
                      "the file is incomplete or not the model its header describes")
    if extra := sorted(name for name in names - wanted if not _ignorable(name, architecture)):
        raise BadInput(f"tensor '{extra[0]}' has no place in a {family} model ({len(extra)} such); "
                       "this variant of the family cannot be converted")
    return Plan(family, architecture, targets)


def _ignorable(name: str, architecture: Mapping[str, Any]) -> bool:
    tied_head = bool(architecture["tie_embeddings"]) and name in _TOP["head.weight"]
    return name == "rope_freqs.weight" or name.endswith("rotary_emb.inv_freq") or tied_head


def _check_sizes(architecture: Mapping[str, Any]) -> None:
    for key, limit in _LIMITS.items():
        value = architecture[key]
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= limit:
            raise BadInput(f"{key} is {value!r}; expected a whole number from 1 to {limit:,}")
    for key in ("norm_eps", "rope_theta"):
        value = architecture[key]
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 1e12:
            raise BadInput(f"{key} is {value!r}; expected a positive number")
    heads, kv_heads = architecture["num_heads"], architecture["num_kv_heads"]
    if heads % kv_heads or architecture["head_dim"] % 2:
        raise BadInput(f"{heads} heads, {kv_heads} key-value heads of {architecture['head_dim']} do not fit together; "
                       "expected a multiple and an even head size")


def _targets(family: str, architecture: Mapping[str, Any], dialect: int) -> Iterable[Target]:
    dim, vocab_size = architecture["dim"], architecture["vocab_size"]
    yield Target("embed.weight", _TOP["embed.weight"][dialect], (vocab_size, dim))
    shapes = _block_shapes(architecture)
    permuted = {"q": architecture["num_heads"], "k": architecture["num_kv_heads"]}
    for layer in range(architecture["num_layers"]):
        for part, shape in shapes.items():
            unpermute = permuted.get(part.split(".")[0], 0) if family == "llama" and dialect == GGUF else 0
            yield Target(f"blocks.{layer}.{_NATIVE[part]}", _BLOCK[part][dialect].format(n=layer), shape, unpermute)
    yield Target("norm.weight", _TOP["norm.weight"][dialect], (dim,))
    if not architecture["tie_embeddings"]:
        yield Target("head.weight", _TOP["head.weight"][dialect], (vocab_size, dim))


def _block_shapes(architecture: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    dim, hidden, head_dim = architecture["dim"], architecture["hidden_dim"], architecture["head_dim"]
    wide, narrow = architecture["num_heads"] * head_dim, architecture["num_kv_heads"] * head_dim
    shapes: dict[str, tuple[int, ...]] = {
        "attn_norm.weight": (dim,), "q.weight": (wide, dim), "k.weight": (narrow, dim), "v.weight": (narrow, dim),
        "o.weight": (dim, wide), "mlp_norm.weight": (dim,), "gate.weight": (hidden, dim), "up.weight": (hidden, dim),
        "down.weight": (dim, hidden)}
    if architecture["qkv_bias"]:
        shapes |= {"q.bias": (wide,), "k.bias": (narrow,), "v.bias": (narrow,)}
    if architecture["qk_norm"]:
        shapes |= {"q_norm.weight": (head_dim,), "k_norm.weight": (head_dim,)}
    return shapes
