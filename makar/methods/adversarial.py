"""A relativistic GAN with gradient penalties on real and on made data: a generator in one step, and how to distil one.

A critic gives one number for each row. What counts is how much more real a real row looks than a made one beside it.

Source: Huang et al. 2025, arXiv:2501.05441, eqs. 2 and 4
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

Critic = Callable[[Tensor], Tensor]


def relativistic_loss(less: Tensor, more: Tensor) -> Tensor:
    """softplus(less - more): small where every row of `more` is judged more real than its partner.

    Shapes: (B,), (B,) -> ()
    Source: Jolicoeur-Martineau 2018, arXiv:1807.00734, eq. 4; arXiv:2501.05441, eq. 2
    """
    return functional.softplus(less - more).mean()


def gradient_penalty(critic: Critic, rows: Tensor) -> Tensor:
    """1/2 E |grad D(x)|^2: on real rows it is R1, on made ones R2.

    Shapes: rows (B, ...) -> ()
    Source: Mescheder et al. 2018, arXiv:1801.04406, eq. 9
    """
    at = rows.detach().requires_grad_(True)
    slope, = torch.autograd.grad(critic(at).sum(), at, create_graph=True)
    return slope.flatten(1).square().sum(1).mean() / 2


def critic_loss(critic: Critic, real: Tensor, made: Tensor, penalty: float, num_penalised: int | None = None) -> Tensor:
    """What the critic lowers: real above made, and flat around both.

    num_penalised: on how many rows, from the first on, R1 and R2 are measured; they stand for the rest (None: on all)
    Shapes: (B, ...), (B, ...) -> ()
    """
    made = made.detach()
    return relativistic_loss(critic(made), critic(real)) + penalty * (
        gradient_penalty(critic, real[:num_penalised]) + gradient_penalty(critic, made[:num_penalised]))


def generator_loss(critic: Critic, real: Tensor, made: Tensor) -> Tensor:
    """What the generator lowers: made above real. Shapes: (B, ...), (B, ...) -> ()"""
    return relativistic_loss(critic(real), critic(made))
