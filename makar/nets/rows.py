"""The Transformer over whole rows of tokens at once: causal, without a cache, and with gradients. What learning runs.

The same weights as the cached form in `transformer.py`, and the same numbers up to rounding; kept apart so that
neither slows the other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from makar.nets.linear import Linear
from makar.nets.transformer import Attention, Block, Config, Mlp, Norm, Transformer

STRIP_TOK, MOST_STRIPS = 128, 4
RunBlock = Callable[[Block, Tensor, "Places"], Tensor]


@dataclass(frozen=True)
class Places:
    """What all layers share: the rotation of each position, and -inf above the diagonal where attention is plain."""

    cos: Tensor
    sin: Tensor
    above: Tensor


def places(net: Transformer, num_tok: int, device: torch.device) -> Places:
    """The positions 0 to `num_tok` of every row."""
    cos, sin = net.rotary.at(torch.arange(num_tok), num_tok)
    above = torch.full((num_tok, num_tok), float("-inf")).triu(1)
    return Places(cos.to(device), sin.to(device), above.to(device))


def hidden_rows(net: Transformer, tokens: Tensor, at: Places, dtype: torch.dtype,
                run_block: RunBlock | None = None) -> Tensor:
    """Every position's hidden state, computed in `dtype` from weights of any type.

    Shapes: tokens (B, T) -> (B, T, dim), normalised
    """
    run = block_rows if run_block is None else run_block
    x = functional.embedding(tokens, net.embed.weight).to(dtype)
    for block in net.blocks:
        assert isinstance(block, Block)
        x = run(block, x, at)
    return _norm(net.norm, x)


def block_rows(block: Block, x: Tensor, at: Places) -> Tensor:
    """Attention, then the MLP, over rows.

    Shapes: x (B, T, dim) -> (B, T, dim)
    """
    return _mlp(block.mlp, _attention(block.attention, x, at))


def _attention(part: Attention, x: Tensor, at: Places) -> Tensor:
    c = part.config
    num_rows, num_tok = x.shape[:2]
    heads = c.num_heads + c.num_kv_heads
    qkv = project(part.qkv, _norm(part.norm, x)).view(num_rows, num_tok, heads + c.num_kv_heads, c.head_dim)
    qk, v = qkv[:, :, :heads], qkv[:, :, heads:]  # (B, T, H, D)
    if part.q_norm is not None and part.k_norm is not None:
        qk = torch.cat((_norm(part.q_norm, qk[:, :, : c.num_heads]), _norm(part.k_norm, qk[:, :, c.num_heads:])), 2)
    qk = (qk * at.cos + qk.roll(c.head_dim // 2, -1) * at.sin).to(x.dtype).transpose(1, 2)  # (B, H, T, D)
    y = attend(qk[:, : c.num_heads], qk[:, c.num_heads:], v.transpose(1, 2), at.above)
    return x + project(part.o, y.transpose(1, 2).reshape(num_rows, num_tok, c.num_heads * c.head_dim))


def attend(q: Tensor, k: Tensor, v: Tensor, above: Tensor) -> Tensor:
    """Causal attention: fused on a GPU; on a CPU plain products, which are faster at training lengths. There, strips of
    queries meet only the keys up to their end, so that much of what the mask would hide is never computed.

    Shapes: q (B, H, T, D), k, v (B, Hkv, T, D) -> (B, H, T, D)
    """
    groups = q.shape[1] // k.shape[1]
    if q.is_cuda:
        return functional.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=groups > 1)
    if groups > 1:
        k, v = k.repeat_interleave(groups, 1), v.repeat_interleave(groups, 1)
    num_tok = q.shape[2]
    size = -(-num_tok // max(1, min(MOST_STRIPS, num_tok // STRIP_TOK)))
    strips = [_strip(q[:, :, start:start + size], k[:, :, :start + size], v[:, :, :start + size],
                     above[start:start + size, :start + size]) for start in range(0, num_tok, size)]
    return strips[0] if len(strips) == 1 else torch.cat(strips, 2)


def _strip(q: Tensor, k: Tensor, v: Tensor, above: Tensor) -> Tensor:
    """Shapes: q (B, H, S, D), k, v (B, H, E, D), above (S, E) -> (B, H, S, D)"""
    flat_q, flat_k, flat_v = (part.reshape(-1, *part.shape[-2:]) for part in (q, k, v))
    scores = torch.bmm(flat_q, flat_k.transpose(1, 2)) * q.shape[-1] ** -0.5 + above.to(q.dtype)
    return torch.bmm(scores.softmax(-1), flat_v).view(q.shape)


def _mlp(part: Mlp, x: Tensor) -> Tensor:
    gate, up = project(part.gate_up, _norm(part.norm, x)).chunk(2, -1)
    return x + project(part.down, functional.silu(gate) * up)


def _norm(norm: Norm, x: Tensor) -> Tensor:
    return functional.rms_norm(x, (x.shape[-1],), norm.weight.to(x.dtype), norm.eps)


def project(linear: Linear, x: Tensor) -> Tensor:
    """x W^T + b in the type of x, whatever the type of the weights.

    Shapes: x (..., in) -> (..., out)
    """
    bias = None if linear.bias is None else linear.bias.to(x.dtype)
    y = functional.linear(x, linear.weight.to(x.dtype), bias)
    return y if linear.adapter is None else y + linear.adapter(x)


def initialised(config: Config, seed: int) -> Transformer:
    """A net to be trained: normal weights of 1/sqrt(inputs), and nothing added to the residual stream at first.

    Source: Zhang et al. 2019, arXiv:1901.09321 (zero the last map of each residual branch)
    """
    net = Transformer(config)
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in net.named_parameters():
            if name.endswith("norm.weight"):
                nn.init.ones_(weight)
            elif name.endswith((".o.weight", ".down.weight", ".bias")):
                nn.init.zeros_(weight)
            else:
                spread = 0.02 if name == "embed.weight" else weight.shape[1] ** -0.5
                nn.init.normal_(weight, std=spread, generator=random)
    return net
