"""Samplers against the exact denoiser of a mixture of Gaussians; the loss, guidance and times in closed form."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from makar.methods.flow import SAMPLERS, euler, guided, heun, mixed, steps, velocity
from makar.methods.flow_loss import draw_times, flow_loss, for_each, leap_loss

MEANS = torch.tensor([[-1.5, 0.5], [1.0, 1.0], [0.5, -1.5]], dtype=torch.float64)
WEIGHTS = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)
SPREAD = 0.3


def exact(z: Tensor, time: float | Tensor) -> Tensor:
    """E[x | z, t], at one time or at one for each row, where x is from the mixture and z = t x + (1 - t) e."""
    t = torch.as_tensor(time, dtype=torch.float64).view(-1, 1)
    variance = t**2 * SPREAD**2 + (1 - t) ** 2
    away = z[:, None] - t[..., None] * MEANS  # (B, K, 2)
    share = torch.softmax(WEIGHTS.log() - away.square().sum(-1) / (2 * variance), 1)
    guess = MEANS + (t * SPREAD**2 / variance)[..., None] * away
    return (share[..., None] * guess).sum(1)


def noise(num: int, seed: int = 0) -> Tensor:
    return torch.randn(num, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("name", sorted(SAMPLERS))
def test_samples_have_the_mixture_s_weights_means_and_spread(name: str) -> None:
    found = SAMPLERS[name](exact, noise(2000), steps(100))
    nearest = (found[:, None] - MEANS).norm(dim=-1).argmin(1)
    for index, weight in enumerate(WEIGHTS):
        own = found[nearest == index]
        assert len(own) / 2000 == pytest.approx(float(weight), abs=0.03)
        assert torch.allclose(own.mean(0), MEANS[index], atol=0.06)
        assert float((own - own.mean(0)).square().mean().sqrt()) == pytest.approx(SPREAD, abs=0.03)


def test_heun_gains_an_order_on_euler() -> None:
    start = noise(64)
    path = [time for time in steps(2000) if time <= 0.9]
    truth = heun(exact, start, path)
    errors = {}
    for name, sampler in (("euler", euler), ("heun", heun)):
        for num in (10, 20):
            times = [path[-1] * step / num for step in range(num + 1)]
            errors[name, num] = float((sampler(exact, start, times) - truth).norm())
    assert 1.6 < errors["euler", 10] / errors["euler", 20] < 2.6
    assert 3.0 < errors["heun", 10] / errors["heun", 20] < 6.0


def test_a_straight_path_is_walked_in_one_step() -> None:
    target = torch.tensor([[2.0, -1.0]])
    for sampler in SAMPLERS.values():
        assert torch.allclose(sampler(lambda z, time: target.expand_as(z), torch.randn(3, 2), steps(1)),
                              target.expand(3, 2), atol=1e-6)


def test_the_loss_is_that_of_the_velocity() -> None:
    clean, e = noise(5, 1), noise(5, 2)
    time = torch.tensor([0.0, 0.2, 0.5, 0.7, 0.9], dtype=torch.float64)
    z = mixed(clean, e, for_each(time, clean))
    guess = torch.tanh(z)
    predicted = (guess - z) / for_each(1 - time, z)
    assert torch.allclose(flow_loss(lambda z, t: torch.tanh(z), clean, e, time),
                          (predicted - (clean - e)).square().mean(1))


def test_the_exact_denoiser_has_the_least_loss() -> None:
    random = torch.Generator().manual_seed(3)
    which = torch.multinomial(WEIGHTS, 4000, replacement=True, generator=random)
    clean = MEANS[which] + SPREAD * torch.randn(4000, 2, dtype=torch.float64, generator=random)
    time = draw_times(4000, random).double()
    least = flow_loss(exact, clean, noise(4000, 4), time).mean()
    for scale in (0.9, 1.1):
        assert flow_loss(lambda z, t, by=scale: by * exact(z, t), clean, noise(4000, 4), time).mean() > least


def test_guidance_of_two_gaussians_moves_by_the_scale() -> None:
    def near(at: float) -> object:
        return lambda z, time: torch.full_like(z, at)

    z, time = torch.zeros(2, 1), 0.5
    for scale, wanted in ((0.0, 1.0), (1.0, 3.0), (3.0, 7.0)):
        found = guided(near(3.0), lambda z, t: (near(3.0)(z, t), near(1.0)(z, t)), scale)(z, time)
        assert torch.allclose(found, torch.full((2, 1), wanted))


def test_guidance_works_within_its_interval_alone() -> None:
    calls = []

    def both(z: Tensor, time: float) -> tuple[Tensor, Tensor]:
        calls.append(time)
        return torch.ones_like(z), torch.zeros_like(z)

    euler(guided(lambda z, t: torch.ones_like(z), both, 2.0, (0.25, 0.65)), torch.zeros(1, 1), steps(10))
    assert calls == pytest.approx([0.3, 0.4, 0.5, 0.6])


def test_times_are_logit_normal() -> None:
    times = draw_times(20_000, torch.Generator().manual_seed(0), mean=-0.8, spread=0.8)
    logits = torch.logit(times.double())
    assert float(logits.mean()) == pytest.approx(-0.8, abs=0.03)
    assert float(logits.std()) == pytest.approx(0.8, abs=0.03)


def test_the_velocity_stays_finite_at_the_end() -> None:
    found = velocity(lambda z, time: torch.ones_like(z), torch.zeros(1, 1), 1.0)
    assert math.isfinite(float(found)) and float(found) == pytest.approx(20.0)


def test_a_leap_that_lands_where_the_teacher_does_costs_nothing() -> None:
    z, times = noise(32), [0.25 + step / 32 for step in range(9)]
    ends = [times[0], times[-1]]
    landing = euler(exact, z, times)

    def student(at: Tensor, time: float) -> Tensor:
        return at + (1 - time) * (landing - at) / (times[-1] - times[0])

    assert torch.allclose(euler(student, z, ends), landing)
    assert float(leap_loss(student, exact, z, times).max()) < 1e-20
    assert float(leap_loss(exact, exact, z, ends).max()) < 1e-20, "a teacher of one step teaches itself"
    missed = (euler(exact, z, ends) - landing) / 0.25
    assert torch.allclose(leap_loss(exact, exact, z, times), missed.square().mean(1))
