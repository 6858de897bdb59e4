"""One plain Transformer: RMSNorm, rotary positions, grouped-query attention, SwiGLU; biases and QK-norm as options.

With a causal mask and a token head it is the language model of the Llama, SmolLM, Qwen2 and Qwen3 families.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from makar.kit.errors import BadInput, Damaged
from makar.nets.cache import Cache
from makar.nets.linear import Linear, has_bf16_units


@dataclass(frozen=True)
class Config:
    """Shape and options of a Transformer; the `architecture` of a stored model."""

    vocab_size: int
    dim: int
    num_layers: int
    num_heads: int
    num_kv_heads: int
    head_dim: int
    hidden_dim: int
    norm_eps: float = 1e-5
    rope_theta: float = 10_000.0
    context_tok: int = 2048
    tie_embeddings: bool = True
    qkv_bias: bool = False
    qk_norm: bool = False
    rope_scaling: dict[str, Any] | None = None


def rms_norm(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    """x / sqrt(mean(x^2) + eps) * weight over the last axis.

    Source: Zhang & Sennrich 2019, arXiv:1910.07467, eq. 4
    """
    if x.shape[0] == 1 and x.dim() == 2:
        # The same numbers as the LayerNorm of [x, -x], whose mean is 0: one fused kernel in place of six, which is
        # what a single row's time is spent on.
        twin = functional.layer_norm(torch.cat((x, -x), -1), (2 * x.shape[-1],), None, None, eps)
        return twin[:, : x.shape[-1]] * weight
    return functional.rms_norm(x, (x.shape[-1],), weight, eps)


def rotary_frequencies(config: Config) -> tuple[Tensor, float]:
    """Angular frequency of each pair of channels, scaled as the model asks, and the factor on the rotated vectors.

    Shapes: (head_dim / 2,)
    Source: Su et al. 2021, arXiv:2104.09864, eq. 15; YaRN, arXiv:2309.00071, eqs. 17-22; `llama3` as in Llama 3.1
    """
    half = config.head_dim // 2
    base = config.rope_theta ** (-torch.arange(half, dtype=torch.float32) / half)
    scaling: Mapping[str, Any] | None = config.rope_scaling
    if scaling is None:
        return base, 1.0
    kind, factor = scaling["type"], float(scaling["factor"])
    if kind == "linear":
        return base / factor, 1.0
    if kind == "llama3":
        turns = scaling["original_context_tok"] * base / (2 * math.pi)
        low, high = scaling["low_freq_factor"], scaling["high_freq_factor"]
        keep = ((turns - low) / (high - low)).clamp(0, 1)
        return base * (keep + (1 - keep) / factor), 1.0
    if kind == "yarn":
        return _yarn(base, config, scaling), float(scaling.get("attention_factor") or 0.1 * math.log(factor) + 1.0)
    raise BadInput(f"rope scaling '{kind}' is not known here; known: linear, llama3, yarn")


def _yarn(base: Tensor, config: Config, scaling: Mapping[str, Any]) -> Tensor:
    def channel(num_turns: float) -> float:
        length = scaling["original_context_tok"] / (num_turns * 2 * math.pi)
        return config.head_dim * math.log(length) / (2 * math.log(config.rope_theta))

    low = max(math.floor(channel(float(scaling.get("beta_fast") or 32.0))), 0)
    high = min(math.ceil(channel(float(scaling.get("beta_slow") or 1.0))), config.head_dim - 1)
    ramp = (torch.arange(config.head_dim // 2) - low) / max(high - low, 0.001)
    keep = 1 - ramp.clamp(0, 1)
    return base * (keep + (1 - keep) / float(scaling["factor"]))


class Rotary(nn.Module):
    """The cosines and sines that rotate the halves of each head; a table that grows as positions are asked for."""

    cos: Tensor
    sin: Tensor

    def __init__(self, config: Config) -> None:
        super().__init__()
        self._frequency, self._factor = rotary_frequencies(config)
        self._limit = config.context_tok
        self._fill(min(1024, config.context_tok))

    def _fill(self, num_tok: int) -> None:
        angle = torch.outer(torch.arange(num_tok, dtype=torch.float32), self._frequency)
        cos, sin = angle.cos() * self._factor, angle.sin() * self._factor
        self.cos, self.sin = torch.cat((cos, cos), -1), torch.cat((-sin, sin), -1)

    def forward(self, positions: Tensor, end: int) -> tuple[Tensor, Tensor]:
        """Shapes: positions (rows,) -> cos, sin (rows, 1, head_dim)"""
        if end > self.cos.shape[0]:
            self._fill(min(self._limit, 1 << (end - 1).bit_length()))
        return self.cos[positions].unsqueeze(1), self.sin[positions].unsqueeze(1)


@dataclass(frozen=True)
class Step:
    """Where the rows of one forward pass stand: shared by all layers."""

    num_seqs: int
    num_tok: int
    cos: Tensor
    sin: Tensor
    mask: Tensor | None
    cache: Cache
    slots: slice
    starts: tuple[int, ...]
    end: int
    rows: Tensor | None


class Attention(nn.Module):
    """Grouped-query self-attention over the cache.

    Source: Ainslie et al. 2023, arXiv:2305.13245
    """

    def __init__(self, config: Config, layer: int, weights: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.config, self.layer = config, layer
        names = ("q", "k", "v")
        bias = torch.cat([weights[f"{name}.bias"] for name in names]) if config.qkv_bias else None
        self.qkv = Linear(torch.cat([weights[f"{name}.weight"] for name in names]), bias)
        self.o = Linear(weights["o.weight"])
        self.q_norm = _frozen(weights["q_norm.weight"]) if config.qk_norm else None
        self.k_norm = _frozen(weights["k_norm.weight"]) if config.qk_norm else None

    def forward(self, x: Tensor, step: Step) -> Tensor:
        """Shapes: x (B * T, dim) -> (B * T, dim)"""
        c = self.config
        heads, groups = c.num_heads + c.num_kv_heads, c.num_heads // c.num_kv_heads
        qkv = self.qkv(x).view(-1, heads + c.num_kv_heads, c.head_dim)  # (B*T, Hq+Hk+Hv, D)
        qk, v = qkv[:, :heads], qkv[:, heads:]
        if self.q_norm is not None and self.k_norm is not None:
            qk = torch.cat((rms_norm(qk[:, : c.num_heads], self.q_norm, c.norm_eps),
                            rms_norm(qk[:, c.num_heads:], self.k_norm, c.norm_eps)), 1)
        qk = torch.addcmul(qk * step.cos, qk.roll(c.head_dim // 2, -1), step.sin)
        keys, values = self._remember(qk[:, c.num_heads:], v, step)
        q = qk[:, : c.num_heads].to(keys.dtype).view(step.num_seqs, step.num_tok, c.num_kv_heads, groups, c.head_dim)
        # the query heads that share a key head stand as further rows of its query: (B, Hkv, G*T, D)
        q = q.permute(0, 2, 3, 1, 4).reshape(step.num_seqs, c.num_kv_heads, groups * step.num_tok, c.head_dim)
        mask = step.mask
        if mask is not None and step.num_tok > 1:
            mask = mask.repeat(1, 1, groups, 1)
        y = functional.scaled_dot_product_attention(q, keys, values, attn_mask=mask)
        y = y.view(step.num_seqs, c.num_kv_heads, groups, step.num_tok, c.head_dim).permute(0, 3, 1, 2, 4)
        out: Tensor = self.o(y.reshape(-1, c.num_heads * c.head_dim).float())
        return out

    def _remember(self, k: Tensor, v: Tensor, step: Step) -> tuple[Tensor, Tensor]:
        keys, values = step.cache.keys[self.layer], step.cache.values[self.layer]
        if step.num_seqs == 1:
            slot, start = step.slots.start, step.starts[0]
            keys[slot, :, start:step.end] = k.transpose(0, 1)
            values[slot, :, start:step.end] = v.transpose(0, 1)
        else:
            assert step.rows is not None and step.num_tok == 1
            slots = torch.arange(step.slots.start, step.slots.stop)
            keys[slots, :, step.rows] = k.to(keys.dtype)
            values[slots, :, step.rows] = v.to(values.dtype)
        return keys[step.slots, :, : step.end], values[step.slots, :, : step.end]


class Block(nn.Module):
    """x + attention(norm(x)), then x + SwiGLU(norm(x)).

    Source: Shazeer 2020, arXiv:2002.05202 (SwiGLU)
    """

    def __init__(self, config: Config, layer: int, weights: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.eps = config.norm_eps
        self.attention = Attention(config, layer, weights)
        self.attn_norm, self.mlp_norm = _frozen(weights["attn_norm.weight"]), _frozen(weights["mlp_norm.weight"])
        self.gate_up = Linear(torch.cat((weights["gate.weight"], weights["up.weight"])))
        self.down = Linear(weights["down.weight"])

    def forward(self, x: Tensor, step: Step) -> Tensor:
        """Shapes: x (B * T, dim) -> (B * T, dim)"""
        x = x + self.attention(rms_norm(x, self.attn_norm, self.eps), step)
        gate, up = self.gate_up(rms_norm(x, self.mlp_norm, self.eps)).chunk(2, -1)
        out: Tensor = x + self.down(functional.silu(gate) * up)
        return out


class Transformer(nn.Module):
    """Token ids to logits, over a cache.

    Raises: Damaged (a weight is missing, unknown or of another shape)
    """

    def __init__(self, config: Config, weights: Mapping[str, Tensor]) -> None:
        super().__init__()
        check_weights(config, weights)
        self.config = config
        self.rotary = Rotary(config)
        self.blocks = nn.ModuleList(Block(config, layer, _under(weights, f"blocks.{layer}."))
                                    for layer in range(config.num_layers))
        self.norm = _frozen(weights["norm.weight"])
        self.head = Linear(weights["embed.weight" if config.tie_embeddings else "head.weight"])
        self.embed = self.head.weight if config.tie_embeddings else _frozen(weights["embed.weight"], None)
        self.eval()

    def new_cache(self) -> Cache:
        """An empty cache of this shape: fp32, or bf16 where the processor computes in it and the weights are."""
        c = self.config
        narrow = has_bf16_units() and self.head.weight.dtype == torch.bfloat16
        return Cache(c.num_layers, c.num_kv_heads, c.head_dim, torch.bfloat16 if narrow else torch.float32)

    def widen(self) -> None:
        """Keeps fp32 copies of all linear weights, for batches on processors without bf16 units."""
        for module in self.modules():
            if isinstance(module, Linear):
                module.widen()

    def forward(self, tokens: Tensor, starts: Sequence[int], cache: Cache, first_slot: int = 0) -> Tensor:
        """Runs T tokens of each of B sequences that stand at `starts`, in slots from `first_slot` on; several
        sequences advance by one token at a time (T = 1).

        Shapes: tokens (B, T) -> (B * T, dim), normalised: the input of `logits`
        """
        step = self._step(tokens, starts, cache, first_slot)
        x = functional.embedding(tokens.reshape(-1), self.embed).float()
        for block in self.blocks:
            x = block(x, step)
        return rms_norm(x, self.norm, self.config.norm_eps)

    def logits(self, hidden: Tensor) -> Tensor:
        """Shapes: (rows, dim) -> (rows, vocab), fp32"""
        out: Tensor = self.head(hidden)
        return out

    def _step(self, tokens: Tensor, starts: Sequence[int], cache: Cache, first_slot: int) -> Step:
        num_seqs, num_tok = tokens.shape
        assert len(starts) == num_seqs and (num_seqs == 1 or num_tok == 1)
        end = max(starts) + num_tok
        assert end <= cache.capacity_tok and first_slot + num_seqs <= cache.num_slots
        rows = torch.tensor(list(starts)) if num_seqs > 1 else None
        positions = torch.arange(starts[0], end) if rows is None else rows
        mask = None
        if rows is not None and min(starts) != max(starts):
            mask = (torch.arange(end) <= rows.unsqueeze(1)).view(num_seqs, 1, 1, end)
        elif num_tok > 1:
            mask = (torch.arange(end) <= positions.unsqueeze(1)).view(1, 1, num_tok, end)
        cos, sin = self.rotary(positions, end)
        return Step(num_seqs, num_tok, cos, sin, mask, cache, slice(first_slot, first_slot + num_seqs),
                    tuple(starts), end, rows)


def _frozen(weight: Tensor, dtype: torch.dtype | None = torch.float32) -> nn.Parameter:
    return nn.Parameter(weight if dtype is None else weight.to(dtype), requires_grad=False)


def weight_shapes(config: Config) -> dict[str, tuple[int, ...]]:
    """Name and shape of every weight a model of this shape has, in the order they are stored."""
    c, wide, narrow = config, config.num_heads * config.head_dim, config.num_kv_heads * config.head_dim
    shapes: dict[str, tuple[int, ...]] = {"embed.weight": (c.vocab_size, c.dim)}
    for n in range(c.num_layers):
        block = {"attn_norm.weight": (c.dim,), "q.weight": (wide, c.dim), "k.weight": (narrow, c.dim),
                 "v.weight": (narrow, c.dim), "o.weight": (c.dim, wide), "mlp_norm.weight": (c.dim,),
                 "gate.weight": (c.hidden_dim, c.dim), "up.weight": (c.hidden_dim, c.dim),
                 "down.weight": (c.dim, c.hidden_dim)}
        if c.qkv_bias:
            block |= {"q.bias": (wide,), "k.bias": (narrow,), "v.bias": (narrow,)}
        if c.qk_norm:
            block |= {"q_norm.weight": (c.head_dim,), "k_norm.weight": (c.head_dim,)}
        shapes |= {f"blocks.{n}.{name}": shape for name, shape in block.items()}
    shapes["norm.weight"] = (c.dim,)
    return shapes if c.tie_embeddings else shapes | {"head.weight": (c.vocab_size, c.dim)}


def check_weights(config: Config, weights: Mapping[str, Tensor]) -> None:
    """Compares names and shapes with what the configuration asks for.

    Raises: Damaged
    """
    wanted = weight_shapes(config)
    missing, extra = wanted.keys() - weights.keys(), weights.keys() - wanted.keys()
    if missing or extra:
        raise Damaged(f"weights do not fit the model: missing {sorted(missing)[:3]}, unknown {sorted(extra)[:3]}")
    for name, shape in wanted.items():
        if tuple(weights[name].shape) != shape:
            raise Damaged(f"weight '{name}': expected shape {shape}, got {tuple(weights[name].shape)}")


def _under(weights: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in weights.items() if name.startswith(prefix)}
