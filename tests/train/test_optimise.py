"""Muon against torch's, the clipping, the schedule, the average, and a state that comes back."""

from __future__ import annotations

import pytest
import torch

from makar.nets.rows import initialised
from makar.nets.transformer import Config
from makar.train.config import Optimise
from makar.train.muon import Muon, orthogonal
from makar.train.optimise import Optimiser, learning_rate, parts_of

NET = Config(vocab_size=64, dim=32, num_layers=1, num_heads=2, num_kv_heads=2, head_dim=16, hidden_dim=48)


def randn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("shape", [(24, 40), (40, 24)])
def test_singular_values_come_near_one(shape: tuple[int, int]) -> None:
    found = torch.linalg.svdvals(orthogonal(randn(*shape).unsqueeze(0), torch.float32)[0])
    assert float(found.min()) > 0.6 and float(found.max()) < 1.3


@pytest.mark.parametrize("shape", [(24, 40), (40, 24)])
def test_steps_are_those_of_torch(shape: tuple[int, int]) -> None:
    ours, theirs = randn(*shape).requires_grad_(True), randn(*shape).requires_grad_(True)
    muon = Muon([ours], rate=0.1, weight_decay=0.1, parts={}, dtype=torch.bfloat16)
    reference = torch.optim.Muon([theirs], lr=0.1, weight_decay=0.1, momentum=0.95, nesterov=True,
                                 adjust_lr_fn="match_rms_adamw")
    for seed in range(1, 6):
        ours.grad, theirs.grad = randn(*shape, seed=seed), randn(*shape, seed=seed)
        muon.step()
        reference.step()
    moved = (theirs - randn(*shape)).abs().mean()
    assert (ours - theirs).abs().mean() < 0.02 * moved


def test_maps_that_lie_in_one_matrix_are_orthogonal_each() -> None:
    weight = torch.zeros(30, 16, requires_grad=True)
    weight.grad = randn(30, 16) * torch.tensor([100.0] * 10 + [1.0] * 10 + [0.01] * 10).unsqueeze(1)
    Muon([weight], rate=1.0, weight_decay=0.0, parts={id(weight): (10, 10, 10)}, dtype=torch.float32).step()
    for part in weight.detach().split(10):
        assert 0.5 < float(torch.linalg.svdvals(part / (0.2 * 16**0.5)).mean()) < 1.3


def test_the_rate_warms_up_stays_and_falls() -> None:
    rates = [learning_rate(1.0, step, warmup_steps=4, decay_start=8, decay_steps=4) for step in range(12)]
    assert rates == pytest.approx([0.25, 0.5, 0.75, 1, 1, 1, 1, 1, 0.8, 0.6, 0.4, 0.2])


def weights_after(optimiser_name: str, num_steps: int, break_at: int | None) -> dict[str, torch.Tensor]:
    settings = Optimise(name=optimiser_name, rate=0.01, ema=0.9)

    def fresh() -> tuple[dict[str, torch.Tensor], Optimiser]:
        net = initialised(NET, 1)
        weights = dict(net.named_parameters())
        return weights, Optimiser(weights, settings, parts_of(net), torch.float32)

    weights, optimiser = fresh()
    for step in range(num_steps):
        if step == break_at:
            kept, state = {name: w.detach().clone() for name, w in weights.items()}, optimiser.state()
            weights, optimiser = fresh()
            with torch.no_grad():
                for name, weight in weights.items():
                    weight.copy_(kept[name])
            optimiser.load({name: value.clone() for name, value in state.items()})
        for number, weight in enumerate(weights.values()):
            weight.grad = randn(*weight.shape, seed=100 * step + number)
        optimiser.clip()
        optimiser.step(0.01)
    return {name: w.detach() for name, w in weights.items()} | {f"ema {n}": w for n, w in optimiser.average.items()}


@pytest.mark.parametrize("name", ["muon", "adamw"])
def test_a_state_that_is_loaded_goes_on_to_the_bit(name: str) -> None:
    straight, broken = weights_after(name, 6, None), weights_after(name, 6, 3)
    assert all(torch.equal(straight[key], broken[key]) for key in straight)
    assert not torch.equal(straight["embed.weight"], straight["ema embed.weight"])


def test_a_gradient_that_is_too_long_is_cut() -> None:
    net = initialised(NET, 1)
    optimiser = Optimiser(dict(net.named_parameters()), Optimise(rate=0.1, clip=2.0), parts_of(net), torch.float32)
    for weight in net.parameters():
        weight.grad = torch.ones_like(weight)
    before = sum(weight.numel() for weight in net.parameters()) ** 0.5
    assert float(optimiser.clip()) == pytest.approx(before, rel=1e-5)
    after = sum(float(weight.grad.square().sum()) for weight in net.parameters() if weight.grad is not None) ** 0.5
    assert after == pytest.approx(2.0, rel=1e-4)


def test_a_gradient_that_lies_in_another_order_moves_the_weights_as_it_says() -> None:
    slopes = torch.tensor([[-1.0, 2.0, 3.0], [4.0, -5.0, -6.0]])
    moved = []
    for gradient in (slopes, slopes.t().contiguous().t()):
        weight = torch.nn.Parameter(torch.zeros(2, 3))
        weight.grad = gradient.clone()
        Optimiser({"weight": weight}, Optimise(name="adamw", rate=1.0, weight_decay=0.0), {}, torch.float32).step(1.0)
        moved.append(weight.detach())
    assert torch.equal(*moved) and torch.equal(moved[0].sign(), -slopes.sign())
