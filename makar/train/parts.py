"""A step in parts, computed side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor

Slopes = tuple[Tensor, tuple[Tensor, ...]]
"""The loss of a part, and its slope for every weight."""


def sum_parts(weights: Sequence[Tensor], parts: Sequence[Callable[[], Slopes]], workers: int) -> Tensor:
    """Computes the parts, `workers` at a time, leaves the sum of their slopes in the weights' `grad`, and returns that
    of their losses. Sums are taken in the order of the parts, so that they do not depend on who is done first.
    """
    total = torch.zeros((), device=weights[0].device)
    with ThreadPoolExecutor(workers) as pool:
        for loss, slopes in pool.map(_called, parts) if workers > 1 else map(_called, parts):
            total += loss
            for weight, slope in zip(weights, slopes, strict=True):
                weight.grad = slope if weight.grad is None else weight.grad.add_(slope)
    return total


def _called(part: Callable[[], Slopes]) -> Slopes:
    return part()
