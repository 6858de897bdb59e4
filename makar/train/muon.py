"""Muon: momentum whose matrices are made orthogonal before they move the weights."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

_A, _B, _C = 3.4445, -4.7750, 2.0315
_NUM_ROUNDS = 5


def orthogonal(matrix: Tensor, dtype: torch.dtype) -> Tensor:
    """Nearly U V^T of the matrix's singular value decomposition: all singular values drawn towards 1.

    Shapes: (m, n) -> (m, n)
    Source: Jordan et al. 2024, "Muon", https://kellerjordan.github.io/posts/muon (quintic Newton-Schulz, 5 rounds)
    """
    x = matrix.to(dtype)
    tall = x.shape[0] > x.shape[1]
    if tall:
        x = x.t()
    x = x / (x.norm() + 1e-7)
    for _ in range(_NUM_ROUNDS):
        gram = x @ x.t()
        x = _A * x + (_B * gram + _C * gram @ gram) @ x
    return x.t() if tall else x


class Muon(Optimizer):
    """Moves matrices by orthogonalised Nesterov momentum, scaled to the size of AdamW's steps so that one learning
    rate serves both. A matrix that holds several maps (q, k and v) is orthogonalised map by map.

    Source: Jordan et al. 2024 (above); Liu et al. 2025, arXiv:2502.16982, eq. 4 (the scale 0.2 sqrt(max(m, n)))
    """

    def __init__(self, matrices: Iterable[Tensor], *, rate: float, weight_decay: float,
                 parts: Mapping[int, tuple[int, ...]], dtype: torch.dtype) -> None:
        """parts: by `id` of a matrix, the numbers of rows of its maps; dtype: what the products are computed in."""
        super().__init__(list(matrices), {"lr": rate, "weight_decay": weight_decay, "momentum": 0.95})
        self._parts, self._dtype = dict(parts), dtype

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        """One step from the gradients that are there."""
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    self._move(weight, group)

    def _move(self, weight: Tensor, group: Mapping[str, Any]) -> None:
        state = self.state[weight]
        gradient = weight.grad
        assert gradient is not None
        if not state:
            state["momentum"] = torch.zeros_like(weight)
        momentum = state["momentum"]
        momentum.lerp_(gradient, 1 - group["momentum"])
        update = torch.lerp(gradient, momentum, group["momentum"])
        weight.mul_(1 - group["lr"] * group["weight_decay"])
        rows = self._parts.get(id(weight), (weight.shape[0],))
        for into, part in zip(weight.split(rows), update.split(rows), strict=True):
            scale = 0.2 * max(part.shape) ** 0.5
            into.add_(orthogonal(part, self._dtype).to(weight.dtype), alpha=-group["lr"] * scale)
