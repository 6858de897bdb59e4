"""The refiner in NumPy against the one that learns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from makar.native.refiner import Refiner
from makar.nets import refiner
from makar.nets.shapes import Refining
from makar.nets.shards import quantised, save_shards
from makar.store.shards import load_arrays, reals

SHAPE = Refining(size_px=8, num_looks=3, widths=(8, 16, 24), num_blocks=(1, 2, 1), fine_dim=4)


def learned() -> refiner.Refiner:
    """A net none of whose weights is nought."""
    net = refiner.initialised(SHAPE, 0)[0].requires_grad_(False)
    for weight in net.parameters():
        if not weight.any():
            weight.normal_(std=0.2, generator=torch.Generator().manual_seed(1))
    return net


@pytest.mark.parametrize("look", [0, 1, 3])
def test_it_refines_as_the_one_that_learns(look: int, tmp_path: Path) -> None:
    net = learned()
    picture = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(look))
    wanted = net(picture, torch.tensor([look]))[0].numpy()
    matrices = {name: weight.permute(0, 2, 3, 1).flatten(1) if weight.dim() == 4 else weight
                for name, weight in net.named_parameters()}
    found = Refiner(SHAPE, {name: weight.numpy() for name, weight in matrices.items()})(picture[0].numpy(), look)
    assert found.shape == (4, 16, 16) and np.abs(found - wanted).max() < 1e-4 * np.abs(wanted).max()
    save_shards(tmp_path, "weights", quantised(matrices), {})
    kept = {name: reals(weight) for name, weight in load_arrays(tmp_path, "weights")[0].items()}
    assert np.abs(Refiner(SHAPE, kept)(picture[0].numpy(), look) - wanted).max() < 0.02 * np.abs(wanted).max()


def test_weights_that_are_missing_are_seen_when_it_is_opened() -> None:
    weights = {name: weight.permute(0, 2, 3, 1).flatten(1).numpy() if weight.dim() == 4 else weight.numpy()
               for name, weight in learned().named_parameters()}
    del weights["after.1.1.out.weight"]
    with pytest.raises(KeyError):
        Refiner(SHAPE, weights)
    with pytest.raises(ValueError, match="do not fit"):
        Refining(size_px=6, num_looks=3, widths=(8, 16, 24), num_blocks=(1, 2, 1))


def test_it_begins_as_the_picture_itself_with_every_pixel_repeated() -> None:
    net = refiner.initialised(SHAPE, 0)[0].requires_grad_(False)
    picture = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    made = net(picture, torch.tensor([0, 2]))
    assert torch.equal(made, picture.repeat_interleave(2, 2).repeat_interleave(2, 3))


def test_the_judge_is_told_the_look() -> None:
    judge = refiner.initialised(SHAPE, 0)[1].requires_grad_(False)
    pictures = torch.randn(1, 4, 16, 16, generator=torch.Generator().manual_seed(0)).repeat(2, 1, 1, 1)
    one, other = judge(pictures, torch.tensor([1, 2]))
    assert one != other
