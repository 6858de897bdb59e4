"""The plain Transformer over patches: a noisy picture, a time and a condition in, the clean picture out.

The words of the prompt stand as tokens beside the patches; time, look and the prompt as a whole modulate every block.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from makar.nets.shapes import HEAD_DIM, Patches, rotations


@dataclass(frozen=True)
class Condition:
    """What is asked for. A row without words is a picture of anything; look 0 is any look.

    Shapes: words (B, context_tok, word_dim), present (B, context_tok) bool, looks (B,)
    """

    words: Tensor
    present: Tensor
    looks: Tensor

    @property
    def whole(self) -> Tensor:
        """The mean of the words that are there. Shapes: -> (B, word_dim)"""
        present = self.present.unsqueeze(-1)
        return (self.words * present).sum(1) / present.sum(1).clamp(min=1)

    def of(self, rows: Tensor) -> Condition:
        """Some rows. Shapes: rows (B,) bool, or (N,) of their places"""
        return Condition(self.words[rows], self.present[rows], self.looks[rows])

    def with_nothing(self) -> Condition:
        """The same rows, and as many more that ask for nothing."""
        return Condition(*(torch.cat((part, torch.zeros_like(part)))
                           for part in (self.words, self.present, self.looks)))


def patches_of(pictures: Tensor, patch_px: int) -> Tensor:
    """Shapes: (B, C, H, W) -> (B, H / p * W / p, C * p * p)"""
    return functional.unfold(pictures, patch_px, stride=patch_px).transpose(1, 2)


def picture_of(patches: Tensor, patch_px: int, size_px: int) -> Tensor:
    """The inverse of `patches_of`. Shapes: (B, T, C * p * p) -> (B, C, size_px, size_px)"""
    return functional.fold(patches.transpose(1, 2), size_px, patch_px, stride=patch_px)


def wave(time: Tensor, dim: int) -> Tensor:
    """A time between 0 and 1 as waves of many lengths.

    Shapes: (B,) -> (B, dim)
    Source: Vaswani et al. 2017, arXiv:1706.03762, section 3.5
    """
    half = dim // 2
    frequency = torch.exp(-math.log(10_000) * torch.arange(half, dtype=torch.float32, device=time.device) / half)
    angle = 1000 * time.float()[:, None] * frequency
    return torch.cat((angle.cos(), angle.sin()), -1)


class Block(nn.Module):
    """Attention and SwiGLU, each on a normalised input that is scaled and shifted, each result weighted by a gate.

    Source: Peebles & Xie 2022, arXiv:2212.09748 (adaLN-Zero); Chen et al. 2023, arXiv:2310.00426, section 2.3 (one map
    for all blocks and a table for each); Dehghani et al. 2023, arXiv:2302.05442 (QK-norm)
    """

    def __init__(self, config: Patches) -> None:
        super().__init__()
        dim = config.dim
        self.heads = config.num_heads
        self.table = nn.Parameter(torch.zeros(6, dim))
        self.qkv, self.o = nn.Linear(dim, 3 * dim, bias=False), nn.Linear(dim, dim, bias=False)
        self.q_norm, self.k_norm = nn.RMSNorm(HEAD_DIM, eps=1e-6), nn.RMSNorm(HEAD_DIM, eps=1e-6)
        self.gate_up = nn.Linear(dim, 2 * config.hidden_dim, bias=False)
        self.down = nn.Linear(config.hidden_dim, dim, bias=False)

    def forward(self, x: Tensor, modulation: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """Shapes: x (B, T, dim), modulation (B, 6, dim) -> (B, T, dim)"""
        shift_a, scale_a, gate_a, shift_m, scale_m, gate_m = (modulation + self.table).unsqueeze(2).unbind(1)
        x = x + gate_a * self._attend(plain_norm(x) * (1 + scale_a) + shift_a, cos, sin)
        out: Tensor = x + gate_m * swiglu(plain_norm(x) * (1 + scale_m) + shift_m, self.gate_up, self.down)
        return out

    def _attend(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        num, length, dim = x.shape
        q, k, v = self.qkv(x).view(num, length, 3, self.heads, HEAD_DIM).permute(2, 0, 3, 1, 4)  # (B, H, T, D)
        q, k = (_turned(_normed(norm, part), cos, sin).to(v.dtype)
                for norm, part in ((self.q_norm, q), (self.k_norm, k)))
        y = functional.scaled_dot_product_attention(q, k, v)
        out: Tensor = self.o(y.transpose(1, 2).reshape(num, length, dim))
        return out


def plain_norm(x: Tensor) -> Tensor:
    """RMS norm without weights. Shapes: (..., dim) -> the same"""
    return functional.rms_norm(x, (x.shape[-1],), eps=1e-6)


def _normed(norm: nn.RMSNorm, x: Tensor) -> Tensor:
    """In the type of x: with weights of another one PyTorch has no fused kernel, and says so at every run."""
    return functional.rms_norm(x, (x.shape[-1],), norm.weight.to(x.dtype), norm.eps)


def swiglu(x: Tensor, gate_up: nn.Linear, down: nn.Linear) -> Tensor:
    """Shapes: (..., dim) -> the same

    Source: Shazeer 2020, arXiv:2002.05202, eq. 6
    """
    gate, up = gate_up(x).chunk(2, -1)
    out: Tensor = down(functional.silu(gate) * up)
    return out


def _turned(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    return x * cos + x.roll(HEAD_DIM // 2, -1) * sin


class PatchTransformer(nn.Module):
    """Noisy picture to clean picture."""

    cos: Tensor
    sin: Tensor

    def __init__(self, config: Patches) -> None:
        super().__init__()
        c = self.config = config
        self.narrow = nn.Linear(c.patch_values, c.bottleneck, bias=False)
        self.widen = nn.Linear(c.bottleneck, c.dim)
        self.place = nn.Parameter(torch.zeros(c.grid**2, c.dim))
        self.word = nn.Linear(c.word_dim, c.dim)
        self.slot = nn.Parameter(torch.zeros(c.context_tok, c.dim))
        self.whole = nn.Linear(c.word_dim, c.dim, bias=False)
        self.look = nn.Embedding(c.num_looks + 1, c.dim)
        self.time = nn.Sequential(nn.Linear(256, c.dim), nn.SiLU(), nn.Linear(c.dim, c.dim))
        self.modulate = nn.Linear(c.dim, 6 * c.dim)
        self.blocks = nn.ModuleList(Block(c) for _ in range(c.num_layers))
        self.modulate_out = nn.Linear(c.dim, 2 * c.dim)
        self.out = nn.Linear(c.dim, c.patch_values)
        cos, sin = map(torch.from_numpy, rotations(c))
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)

    def forward(self, pictures: Tensor, time: Tensor, condition: Condition) -> Tensor:
        """The clean pictures that the noisy ones seem to hide.

        Shapes: pictures (B, C, S, S), time (B,) -> (B, C, S, S)
        """
        c = self.config
        patches = self.widen(self.narrow(patches_of(pictures, c.patch_px))) + self.place
        present = condition.present.unsqueeze(-1)
        words = self.word(condition.words) * present + self.slot
        x = torch.cat((words, patches), 1)
        moment = self.time(wave(time, 256).to(self.place.dtype))
        state = functional.silu(moment + self.look(condition.looks) + self.whole(condition.whole))
        modulation = self.modulate(state).view(-1, 6, c.dim)
        for block in self.blocks:
            x = block(x, modulation, self.cos, self.sin)
        shift, scale = self.modulate_out(state).unsqueeze(1).chunk(2, -1)
        y = self.out(plain_norm(x[:, c.context_tok:]) * (1 + scale) + shift)
        return picture_of(y.float(), c.patch_px, c.size_px)


def initialised(config: Patches, seed: int) -> PatchTransformer:
    """A net to be trained: every block passes its input on, and the output is grey.

    Source: Peebles & Xie 2022, arXiv:2212.09748, section 3.2 (gates and output begin at zero)
    """
    net = PatchTransformer(config)
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in net.named_parameters():
            if name.startswith(("modulate", "out.")) or name.endswith((".bias", "table", "look.weight")):
                nn.init.zeros_(weight)
            elif name.endswith("norm.weight"):
                nn.init.ones_(weight)
            else:
                # A place must be heard beside a patch from the first step, or all patches are painted alike for long.
                spread = 0.5 if name in ("place", "slot") else weight.shape[-1] ** -0.5
                nn.init.normal_(weight, std=spread, generator=random)
    return net


def parts_of(config: Patches) -> dict[str, tuple[int, ...]]:
    """The rows of the several maps that one matrix holds: q, k and v; gate and up."""
    found: dict[str, tuple[int, ...]] = {}
    for layer in range(config.num_layers):
        found[f"blocks.{layer}.qkv.weight"] = (config.dim,) * 3
        found[f"blocks.{layer}.gate_up.weight"] = (config.hidden_dim,) * 2
    return found
