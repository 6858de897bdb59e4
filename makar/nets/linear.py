"""A linear map whose arithmetic follows the processor and the number of rows."""

from __future__ import annotations

import functools

import torch
from torch import Tensor, nn


@functools.cache
def has_bf16_units() -> bool:
    """Whether this processor multiplies bf16 natively; without that, torch emulates it at a quarter of fp32's speed."""
    features = torch.cpu.get_capabilities()
    return any(bool(features.get(name)) for name in ("avx512_bf16", "amx_bf16", "amx_tile", "bf16", "arm_bf16"))


class Adapter(nn.Module):
    """A low-rank map that is added to a linear one: scale B A x. Nothing at first, as B is zero.

    Shapes: a (rank, in), b (out, rank)
    Source: Hu et al. 2021, arXiv:2106.09685, section 4.1
    """

    def __init__(self, num_in: int, num_out: int, rank: int, scale: float) -> None:
        super().__init__()
        self.a, self.b = nn.Parameter(torch.empty(rank, num_in)), nn.Parameter(torch.zeros(num_out, rank))
        self.scale = scale

    def forward(self, x: Tensor) -> Tensor:
        """Shapes: (..., in) -> (..., out), in the type of x"""
        down = torch.nn.functional.linear(x, self.a.to(x.dtype))
        return torch.nn.functional.linear(down, self.b.to(x.dtype)) * self.scale


class Linear(nn.Module):
    """y = x W^T + b over rows, result in fp32.

    One row is bound by reading W, so it multiplies W as stored. Several rows are bound by arithmetic: bf16 weights
    are widened to fp32 first where the processor has no bf16 units (once, if `widen` kept a copy; else for this call),
    which gives the same numbers either way.

    Shapes: x (rows, in), y (rows, out)
    """

    wide: Tensor | None
    adapter: Adapter | None

    def __init__(self, num_in: int, num_out: int, bias: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(num_out, num_in))
        self.bias = nn.Parameter(torch.empty(num_out)) if bias else None
        self.register_buffer("wide", None, persistent=False)
        self.adapter = None

    def widen(self) -> None:
        """Keeps an fp32 copy of W, so that batches do not widen it at every step."""
        if self.weight.dtype != torch.float32 and self.wide is None:
            self.wide = self.weight.float()

    def forward(self, x: Tensor) -> Tensor:
        """Shapes: (rows, in) -> (rows, out), fp32"""
        weight: Tensor = self.weight
        if weight.dtype == torch.float32 or (x.shape[0] > 1 and not has_bf16_units()):
            weight = weight.float() if self.wide is None else self.wide
            # W x^T rather than x W^T: with few columns MKL runs this orientation 2-4x faster
            y = torch.mm(weight, x.t()).t() if x.shape[0] > 1 else torch.nn.functional.linear(x, weight)
        else:
            y = _narrow(x.to(weight.dtype), weight).float()
        if self.adapter is not None:
            y = y + self.adapter(x)
        return y if self.bias is None else y + self.bias


def _narrow(x: Tensor, weight: Tensor) -> Tensor:
    """x W^T in the weights' own type."""
    # for one row and many outputs, torch's own matrix-vector kernel reads W 15-30% faster than oneDNN's product
    if x.shape[0] == 1 and weight.shape[0] >= 2048:
        return torch.mv(weight, x[0]).unsqueeze(0)
    return torch.nn.functional.linear(x, weight)
