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


class Rotary:
    """The cosines and sines that rotate the halves of each head; a table that grows as positions are asked for."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._cos = self._sin = torch.empty(0, config.head_dim, device="cpu")

    def at(self, positions: Tensor, end: int) -> tuple[Tensor, Tensor]:
        """Shapes: positions (rows,), all below `end` -> cos, sin (rows, 1, head_dim)"""
        if end > len(self._cos):
            self._fill(min(self._config.context_tok, max(1024, 1 << (end - 1).bit_length())))
        return self._cos[positions].unsqueeze(1), self._sin[positions].unsqueeze(1)

    def _fill(self, num_tok: int) -> None:
        frequency, factor = rotary_frequencies(self._config)
        angle = torch.outer(torch.arange(num_tok, dtype=torch.float32), frequency)
        cos, sin = angle.cos() * factor, angle.sin() * factor
        self._cos, self._sin = torch.cat((cos, cos), -1), torch.cat((-sin, sin), -1)


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


class Norm(nn.Module):
    """`rms_norm` with its weight."""

    def __init__(self, dim: int, eps: float) -> None:
        super().__init__()
        self.weight, self.eps = nn.Parameter(torch.empty(dim)), eps

    def forward(self, x: Tensor) -> Tensor:
        """Shapes: (..., dim) -> (..., dim)"""
        return rms_norm(x, self.weight, self.eps)


class Attention(nn.Module):
    """x + o(attention(norm(x))): grouped-query self-attention over the cache.

    Source: Ainslie et al. 2023, arXiv:2305.13245
    """

    def __init__(self, config: Config, layer: int) -> None:
        super().__init__()
        c = self.config = config
        self.layer = layer
        self.norm = Norm(c.dim, c.norm_eps)
        self.qkv = Linear(c.dim, (c.num_heads + 2 * c.num_kv_heads) * c.head_dim, bias=c.qkv_bias)
        self.o = Linear(c.num_heads * c.head_dim, c.dim)
        self.q_norm = Norm(c.head_dim, c.norm_eps) if c.qk_norm else None
        self.k_norm = Norm(c.head_dim, c.norm_eps) if c.qk_norm else None

    def forward(self, x: Tensor, step: Step) -> Tensor:
        """Shapes: x (B * T, dim) -> (B * T, dim)"""
        c = self.config
        heads, groups = c.num_heads + c.num_kv_heads, c.num_heads // c.num_kv_heads
        qkv = self.qkv(self.norm(x)).view(-1, heads + c.num_kv_heads, c.head_dim)  # (B*T, Hq+Hk+Hv, D)
        qk, v = qkv[:, :heads], qkv[:, heads:]
        if self.q_norm is not None and self.k_norm is not None:
            qk = torch.cat((self.q_norm(qk[:, : c.num_heads]), self.k_norm(qk[:, c.num_heads:])), 1)
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
        out: Tensor = x + self.o(y.reshape(-1, c.num_heads * c.head_dim).float())
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


class Mlp(nn.Module):
    """x + down(silu(gate(norm(x))) * up(norm(x))).

    Source: Shazeer 2020, arXiv:2002.05202 (SwiGLU)
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.norm = Norm(config.dim, config.norm_eps)
        self.gate_up = Linear(config.dim, 2 * config.hidden_dim)
        self.down = Linear(config.hidden_dim, config.dim)

    def forward(self, x: Tensor) -> Tensor:
        """Shapes: (rows, dim) -> (rows, dim)"""
        gate, up = self.gate_up(self.norm(x)).chunk(2, -1)
        out: Tensor = x + self.down(functional.silu(gate) * up)
        return out


class Block(nn.Module):
    """Attention, then the MLP."""

    def __init__(self, config: Config, layer: int) -> None:
        super().__init__()
        self.attention, self.mlp = Attention(config, layer), Mlp(config)

    def forward(self, x: Tensor, step: Step) -> Tensor:
        """Shapes: x (B * T, dim) -> (B * T, dim)"""
        out: Tensor = self.mlp(self.attention(x, step))
        return out


class Transformer(nn.Module):
    """Token ids to logits, over a cache. The names of its weights are the names they are stored under."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.rotary = Rotary(config)
        self.embed = Linear(config.dim, config.vocab_size)
        self.blocks = nn.ModuleList(Block(config, layer) for layer in range(config.num_layers))
        self.norm = Norm(config.dim, config.norm_eps)
        self.head = None if config.tie_embeddings else Linear(config.dim, config.vocab_size)

    @classmethod
    def of(cls, config: Config, weights: Mapping[str, Tensor]) -> Transformer:
        """The net with these weights, which are used as they are: memory-mapped ones stay so.

        Raises: Damaged (a weight is missing, unknown or of another shape)
        """
        with torch.device("meta"):
            net = cls(config)
        check_weights(net, weights)
        net.load_state_dict(dict(weights), assign=True)
        return net.requires_grad_(False).eval()

    def new_cache(self) -> Cache:
        """An empty cache of this shape: fp32, or bf16 where the processor computes in it and the weights are."""
        c = self.config
        narrow = has_bf16_units() and self.embed.weight.dtype == torch.bfloat16
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
        x = functional.embedding(tokens.reshape(-1), self.embed.weight).float()
        for block in self.blocks:
            x = block(x, step)
        out: Tensor = self.norm(x)
        return out

    def logits(self, hidden: Tensor) -> Tensor:
        """Shapes: (rows, dim) -> (rows, vocab), fp32"""
        out: Tensor = (self.embed if self.head is None else self.head)(hidden)
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
        cos, sin = self.rotary.at(positions, end)
        return Step(num_seqs, num_tok, cos, sin, mask, cache, slice(first_slot, first_slot + num_seqs),
                    tuple(starts), end, rows)


def check_weights(net: Transformer, weights: Mapping[str, Tensor]) -> None:
    """Compares names and shapes with those of the net.

    Raises: Damaged
    """
    wanted = net.state_dict()
    missing, extra = wanted.keys() - weights.keys(), weights.keys() - wanted.keys()
    if missing or extra:
        raise Damaged(f"weights do not fit the model: missing {sorted(missing)[:3]}, unknown {sorted(extra)[:3]}")
    for name, weight in wanted.items():
        if weights[name].shape != weight.shape:
            raise Damaged(f"weight '{name}': expected shape {tuple(weight.shape)}, got {tuple(weights[name].shape)}")
