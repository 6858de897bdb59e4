"""The net over principal components: how they are found, and what it guesses before it has learned anything."""

from __future__ import annotations

import torch

from makar.nets.components import initialised, principal
from makar.nets.patches import Condition
from makar.nets.shapes import Components

CONFIG = Components(size_px=4, num_components=64, dim=64, num_layers=1, num_looks=1, word_dim=4, hidden_dim=64,
                context_tok=2)


def pictures(num: int, rank: int) -> torch.Tensor:
    """Pictures that differ in a few ways, each half as much as the one before."""
    random = torch.Generator().manual_seed(0)
    ways = torch.linalg.qr(torch.randn(64, rank, generator=random)).Q
    return 0.3 + torch.randn(num, rank, generator=random) * 0.5 ** torch.arange(rank) @ ways.T


def test_components_are_those_of_the_whole_decomposition() -> None:
    values = pictures(400, 6)
    found = principal(values, 4, 0)
    centred = values - values.mean(0)
    _, sizes, exact = torch.linalg.svd(centred, full_matrices=False)
    assert torch.allclose(found["variance"], sizes[:4] ** 2 / 400, rtol=1e-4)
    assert torch.allclose((found["basis"] @ exact[:4].T).abs(), torch.eye(4), atol=1e-3)
    assert torch.allclose(found["mean"], values.mean(0))


def test_components_that_there_are_not_add_nothing() -> None:
    values = pictures(5, 3)
    found = principal(values, 64, 0)
    assert found["basis"].shape == (64, 64) and found["variance"][5:].max() < 1e-9
    back = found["mean"] + (values - found["mean"]) @ found["basis"].T @ found["basis"]
    assert torch.allclose(back, values, atol=1e-4)


def test_before_it_learns_it_guesses_the_mean_of_the_normal_pictures_that_could_be_hidden() -> None:
    values = pictures(2000, 6)
    net = initialised(CONFIG, 0)
    net.load_state_dict(principal(values, 64, 0), strict=False)
    condition = Condition(torch.zeros(3, 2, 4), torch.zeros(3, 2, dtype=torch.bool), torch.zeros(3, dtype=torch.long))
    time, noise = 0.6, torch.randn(3, 64, generator=torch.Generator().manual_seed(1))
    z = time * values[:3] + (1 - time) * noise
    mean, covariance = values.mean(0), torch.cov(values.T, correction=0)
    seen = time**2 * covariance + (1 - time) ** 2 * torch.eye(64)
    exact = mean + (time * covariance @ torch.linalg.solve(seen, (z - time * mean).T)).T
    with torch.no_grad():
        guess = net(z.view(3, 4, 4, 4), torch.full((3,), time), condition)
    assert torch.allclose(guess.flatten(1), exact, atol=1e-3)
