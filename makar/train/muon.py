"""Muon: momentum whose matrices are made orthogonal before they move the weights."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

_A, _B, _C = 3.4445, -4.7750, 2.0315
_NUM_ROUNDS = 5
_MOST_TOGETHER = 1 << 24  # numbers of one batch of products, which takes some of their memory thrice


def orthogonal(matrices: Tensor, dtype: torch.dtype) -> Tensor:
    """Nearly U V^T of each matrix's singular value decomposition: all singular values drawn towards 1.

    Shapes: (N, m, n) -> (N, m, n), in `dtype`
    Source: Jordan et al. 2024, "Muon", https://kellerjordan.github.io/posts/muon (quintic Newton-Schulz, 5 rounds)
    """
    x = matrices.to(dtype)
    tall = x.shape[1] > x.shape[2]
    if tall:
        x = x.mT
    x = x / (torch.linalg.matrix_norm(x, keepdim=True) + 1e-7)
    for _ in range(_NUM_ROUNDS):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=_B, alpha=_C), x, beta=_A)
    return x.mT if tall else x


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
        """One step from the gradients that are there; maps of one shape are made orthogonal together."""
        for group in self.param_groups:
            alike = defaultdict(list)
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                update = self._update(weight, group)
                rows = self._parts.get(id(weight), (weight.shape[0],))
                for pair in zip(weight.split(rows), update.split(rows), strict=True):
                    alike[tuple(pair[0].shape)].append(pair)
            for shape, pairs in alike.items():
                at_once = max(1, _MOST_TOGETHER // (shape[0] * shape[1]))
                for start in range(0, len(pairs), at_once):
                    _move(pairs[start:start + at_once], group["lr"] * 0.2 * max(shape) ** 0.5, self._dtype)

    def _update(self, weight: Tensor, group: Mapping[str, Any]) -> Tensor:
        """Lets the weight decay; returns its Nesterov momentum."""
        state = self.state[weight]
        gradient = weight.grad
        assert gradient is not None
        if not state:
            state["momentum"] = torch.zeros_like(weight)
        momentum: Tensor = state["momentum"].lerp_(gradient, 1 - group["momentum"])
        weight.mul_(1 - group["lr"] * group["weight_decay"])
        return torch.lerp(gradient, momentum, group["momentum"])


def _move(pairs: Sequence[tuple[Tensor, Tensor]], rate: float, dtype: torch.dtype) -> None:
    """Moves maps of one shape, each against its own update."""
    moves = orthogonal(torch.stack([update for _, update in pairs]), dtype)
    for (weight, _), move in zip(pairs, moves, strict=True):
        weight.add_(move.to(weight.dtype), alpha=-rate)
