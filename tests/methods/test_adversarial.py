"""The relativistic GAN: its losses and penalties in closed form, and all the modes of a ring."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from makar.methods.adversarial import critic_loss, generator_loss, gradient_penalty, relativistic_loss


def test_the_penalty_of_a_linear_critic_is_half_the_square_of_its_slope() -> None:
    slope = torch.tensor([3.0, -4.0])
    assert float(gradient_penalty(lambda x: x @ slope, torch.randn(7, 2))) == pytest.approx(12.5)


def test_the_penalty_of_a_quadratic_critic_is_the_mean_square_of_its_rows() -> None:
    rows = torch.randn(9, 3)
    found = gradient_penalty(lambda x: x.square().sum(1) / 2, rows)
    assert float(found.detach()) == pytest.approx(float(rows.square().sum(1).mean() / 2), rel=1e-5)


def test_at_equal_scores_both_sides_lose_log_two() -> None:
    scores = torch.zeros(4)
    assert float(relativistic_loss(scores, scores)) == pytest.approx(math.log(2))


def test_what_one_side_wins_the_other_loses() -> None:
    slope = torch.tensor([1.0])

    def critic(x: Tensor) -> Tensor:
        return x @ slope

    high, low = torch.full((5, 1), 2.0), torch.full((5, 1), -2.0)
    assert float(critic_loss(critic, high, low, 0.0)) == pytest.approx(math.log1p(math.exp(-4)), rel=1e-5)
    assert float(generator_loss(critic, high, low)) == pytest.approx(math.log1p(math.exp(4)), rel=1e-5)


def test_the_critic_s_loss_leaves_the_generator_alone() -> None:
    made = torch.randn(4, 2, requires_grad=True)
    critic = nn.Linear(2, 1)
    critic_loss(lambda x: critic(x).squeeze(1), torch.randn(4, 2), made * 2, 1.0).backward()
    assert made.grad is None and critic.weight.grad is not None


def test_every_mode_of_a_ring_is_found() -> None:
    torch.manual_seed(0)
    angle = 2 * math.pi * torch.arange(6) / 6
    modes = torch.stack((angle.cos(), angle.sin()), 1)

    def net(inside: int, out: int) -> nn.Module:
        return nn.Sequential(nn.Linear(inside, 64), nn.LeakyReLU(0.2), nn.Linear(64, 64), nn.LeakyReLU(0.2),
                             nn.Linear(64, out))

    generator, judge = net(4, 2), net(2, 1)
    def critic(rows: torch.Tensor) -> torch.Tensor:
        return judge(rows).squeeze(1)

    judging, making = (torch.optim.Adam(side.parameters(), 2e-3, (0.0, 0.9)) for side in (judge, generator))
    for _ in range(700):
        real = modes[torch.randint(6, (128,))] + 0.05 * torch.randn(128, 2)
        judging.zero_grad()
        critic_loss(critic, real, generator(torch.randn(128, 4)), 0.1).backward()
        judging.step()
        making.zero_grad()
        generator_loss(critic, real, generator(torch.randn(128, 4))).backward()
        making.step()
    with torch.no_grad():
        away = torch.cdist(generator(torch.randn(1200, 4)), modes)
    assert torch.bincount(away.argmin(1), minlength=6).min() > 60
    assert float(away.min(1).values.median()) < 0.25
