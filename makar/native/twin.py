"""What the kernel computes, in plain PyTorch: the reference it is tested against, and what runs where it cannot.

A row's numbers depend on that row alone. Dot products of quants are integers below 2^24, which fp32 adds exactly in any
order; everything else is done row by row, or element by element in a fixed order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from makar.native.cache import BLOCK_TOK, RowCache
from makar.native.pack import GROUP, PANEL, Packed
from makar.native.rows import Rows
from makar.native.weights import Weights
from makar.nets.transformer import Config

_ROWS_AT_ONCE = 32


@dataclass(frozen=True)
class Quants:
    """Activations as the kernel multiplies them: 8 bits, a scale per row and group, and scale * sum of the quants.

    Shapes: q (groups, rows, 32) whole numbers; scale, total (groups, rows)
    """

    q: Tensor
    scale: Tensor
    total: Tensor


def quantise(x: Tensor) -> Quants:
    """Shapes: (rows, cols) fp32"""
    groups = functional.pad(x, (0, -x.shape[1] % GROUP)).view(len(x), -(-x.shape[1] // GROUP), GROUP).transpose(0, 1)
    top = groups.abs().amax(-1)
    q = (groups * torch.where(top > 1e-30, 127 / top, 0.0).unsqueeze(-1)).round()
    scale = top * (1 / 127)
    return Quants(q, scale, q.sum(-1) * scale)


def left_over(x: Tensor) -> Tensor:
    """What `quantise` leaves of x. Shapes: (rows, cols)"""
    a = quantise(x)
    seen = (a.q * a.scale.unsqueeze(-1)).transpose(0, 1).flatten(1)
    return x - seen[:, : x.shape[1]]


class Matrix:
    """A packed matrix whose quants stand by groups."""

    def __init__(self, packed: Packed) -> None:
        panels, groups, _ = packed.data.shape
        rows = panels * PANEL
        halves = packed.data[:, :, : 4 * PANEL].contiguous().view(torch.float16).float().view(panels, groups, 2, PANEL)
        self.scale, self.low = halves.permute(2, 1, 0, 3).reshape(2, groups, 1, rows)
        quads = packed.data[:, :, 4 * PANEL:].reshape(panels, groups, -1, PANEL, 4)
        if packed.bits == 4:
            quads = torch.cat((quads & 15, quads >> 4), 2)
        self.q = quads.permute(1, 0, 3, 2, 4).reshape(groups, rows, GROUP)
        self.rows, self.cols = packed.rows, packed.cols

    def times(self, x: Tensor) -> Tensor:
        """Shapes: x (rows, cols) -> (rows, matrix rows), fp32"""
        return torch.cat([self._times(part) for part in x.split(_ROWS_AT_ONCE)])

    def times_finely(self, x: Tensor) -> Tensor:
        """The same with activations in two parts of 8 bits. Shapes: x (rows, cols) -> (rows, matrix rows), fp32"""
        return self.times(x) + self.times(left_over(x))

    def _times(self, x: Tensor) -> Tensor:
        a = quantise(x)
        y = torch.zeros(len(x), self.q.shape[1])
        for group, q in enumerate(self.q):
            dots = torch.mm(a.q[group], q.float().t())
            y.addcmul_(dots.mul_(self.scale[group]), a.scale[group].unsqueeze(1))
            y.addcmul_(self.low[group], a.total[group].unsqueeze(1))
        return y[:, : self.rows]

    def row(self, index: int) -> Tensor:
        """Row `index` of the matrix. Shapes: (cols,)"""
        values = torch.addcmul(self.low[:, :, index], self.q[:, index].float(), self.scale[:, :, index])
        return values.flatten()[: self.cols]


class Twin:
    """Runs rows through all layers."""

    def __init__(self, config: Config, weights: Weights, finely: bool = False) -> None:
        self._config, self._vectors, self._finely = config, weights.vectors, finely
        self._matrices = {name: Matrix(packed) for name, packed in weights.matrices.items()}

    def hidden(self, rows: Rows, rotation: tuple[Tensor, Tensor], cache: RowCache) -> Tensor:
        """The rows after the last norm, and their keys and values in the cache. Shapes: (rows, dim)"""
        embed = self._matrices["embed"]
        x = torch.stack([embed.row(token) for token in rows.tokens])
        for layer in range(self._config.num_layers):
            x = x + self._attend(layer, self._norm(x, f"blocks.{layer}.attention_norm"), rows, rotation, cache)
            h = self._norm(x, f"blocks.{layer}.mlp_norm")
            gate, up = self._times(layer, "gate", h), self._times(layer, "up", h)
            x = x + self._times(layer, "down", torch.stack([functional.silu(row) for row in gate]) * up)
        return self._norm(x, "norm")

    def forward(self, rows: Rows, rotation: tuple[Tensor, Tensor], cache: RowCache, wanted: Sequence[int]) -> Tensor:
        """Logits of the wanted rows. Shapes: (wanted, vocab)"""
        return self.logits(self.hidden(rows, rotation, cache)[list(wanted)])

    def logits(self, hidden: Tensor) -> Tensor:
        """Shapes: (rows, dim) -> (rows, vocab)"""
        return self._matrices["head" if "head" in self._matrices else "embed"].times_finely(hidden)

    def _times(self, layer: int, name: str, x: Tensor) -> Tensor:
        matrix = self._matrices[f"blocks.{layer}.{name}"]
        return matrix.times_finely(x) if self._finely else matrix.times(x)

    def _norm(self, x: Tensor, name: str) -> Tensor:
        weight = self._vectors[name]
        return torch.stack([functional.rms_norm(row, weight.shape, weight, self._config.norm_eps) for row in x])

    def _attend(self, layer: int, x: Tensor, rows: Rows, rotation: tuple[Tensor, Tensor], cache: RowCache) -> Tensor:
        c, (cos, sin) = self._config, rotation
        qkv = torch.cat([self._times(layer, name, x) for name in "qkv"], 1)
        if c.qkv_bias:
            qkv = qkv + self._vectors[f"blocks.{layer}.qkv_bias"]
        q, k, v = qkv.view(len(x), -1, c.head_dim).split((c.num_heads, c.num_kv_heads, c.num_kv_heads), 1)
        if c.qk_norm:
            q = self._norm(q, f"blocks.{layer}.q_norm")
            k = self._norm(k, f"blocks.{layer}.k_norm")
        q, k = (part * cos + part.roll(c.head_dim // 2, -1) * sin for part in (q, k))
        for row, (slot, position) in enumerate(zip(rows.slots, rows.positions, strict=True)):
            _remember(cache, (layer, slot, position), k[row], v[row])
        y = [_attend_row(q[row], cache, layer, slot, position + 1)
             for row, (slot, position) in enumerate(zip(rows.slots, rows.positions, strict=True))]
        return self._times(layer, "o", torch.stack(y))


def _remember(cache: RowCache, at: tuple[int, int, int], k: Tensor, v: Tensor) -> None:
    """Shapes: k, v (kv_heads, head_dim)"""
    layer, slot, position = at
    if cache.form == "int8":
        for kind, part in enumerate((k, v)):
            top = part.abs().amax(-1)
            cache.scales[kind, layer, slot, :, position] = top * (1 / 127)
            part.mul_(torch.where(top > 1e-30, 127 / top, 0.0).unsqueeze(-1)).round_()
    cache.keys[layer, slot, :, position // BLOCK_TOK, :, position % BLOCK_TOK] = k.to(cache.keys.dtype)
    cache.values[layer, slot, :, position] = v.to(cache.values.dtype)


def _attend_row(q: Tensor, cache: RowCache, layer: int, slot: int, end: int) -> Tensor:
    """Shapes: q (heads, head_dim) -> (heads * head_dim,)"""
    blocks = -(-end // BLOCK_TOK)
    # contiguous: how a product is summed may follow the layout, which a cache changes as it grows
    keys = cache.keys[layer, slot, :, :blocks].transpose(2, 3).flatten(1, 2)[:, :end].float().contiguous()  # (Hk, T, D)
    values = cache.values[layer, slot, :, :end].float().contiguous()
    if cache.form == "int8":
        keys, values = (part * cache.scales[kind, layer, slot, :, :end].unsqueeze(-1)
                        for kind, part in enumerate((keys, values)))
    grouped = q.view(len(keys), -1, q.shape[-1])  # (Hk, G, D)
    weights = (grouped @ keys.transpose(1, 2) * q.shape[-1] ** -0.5).softmax(-1)
    return (weights @ values).flatten()


def multiply(packed: Packed, x: Tensor) -> Tensor:
    """One matrix over rows. Shapes: x (rows, cols) -> (rows, matrix rows)"""
    return Matrix(packed).times_finely(x)


def rows_of(tokens: Tensor, starts: Sequence[int], first_slot: int) -> Rows:
    """The rows of `Transformer.forward`'s arguments. Shapes: tokens (B, T)"""
    num_seqs, num_tok = tokens.shape
    return Rows(tokens.flatten().tolist(), [first_slot + seq for seq in range(num_seqs) for _ in range(num_tok)],
                [start + step for start in starts for step in range(num_tok)])
