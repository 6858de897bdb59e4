"""The autoencoder in NumPy against the one that learns."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from makar.native.autoencoder import Autoencoder
from makar.nets import autoencoder
from makar.nets.shapes import Autoencoded
from makar.nets.shards import quantised, save_shards
from makar.store.shards import load_arrays, reals
from makar.train.autoencoder.checkpoint import matrices

SHAPE = Autoencoded(size_px=8, widths=(8, 40), blocks_in=1, blocks_out=2, latent_dim=5, fine_dim=4)


def learned(shape: Autoencoded = SHAPE) -> autoencoder.Autoencoder:
    """A net none of whose weights is nought."""
    net = autoencoder.initialised(shape, 0).requires_grad_(False)
    for weight in net.parameters():
        if not weight.any():
            weight.normal_(std=0.2, generator=torch.Generator().manual_seed(1))
    return net


def arrays(net: autoencoder.Autoencoder) -> dict[str, np.ndarray]:
    return {name: weight.numpy() for name, weight in matrices(dict(net.named_parameters())).items()}


@pytest.mark.parametrize("times", [1, 2, 4])
def test_it_cleans_as_the_one_that_learns(tmp_path: Path, times: int) -> None:
    shape = dataclasses.replace(SHAPE, times=times)
    net = learned(shape)
    picture = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    wanted = net(picture)[0].numpy()
    ours = Autoencoder(shape, arrays(net))
    found = ours(picture[0].numpy())
    assert found.shape == (4, 8 * times, 8 * times) and np.abs(found - wanted).max() < 1e-4 * np.abs(wanted).max()
    kept = ours.encode(picture[0].numpy())
    assert kept.shape == (2, 2, 5) and np.allclose(np.square(kept).mean(-1), 1, atol=1e-3)
    assert np.allclose(kept.transpose(2, 0, 1), net.encode(picture)[0].numpy(), atol=1e-4)
    save_shards(tmp_path, "weights", quantised(matrices(dict(net.named_parameters()))), {})
    read = {name: reals(weight) for name, weight in load_arrays(tmp_path, "weights")[0].items()}
    assert np.abs(Autoencoder(shape, read)(picture[0].numpy()) - wanted).max() < 0.03 * np.abs(wanted).max()


def test_weights_that_are_missing_or_of_another_shape_are_seen_when_it_is_opened() -> None:
    weights = arrays(learned())
    with pytest.raises(KeyError):
        Autoencoder(SHAPE, {name: weight for name, weight in weights.items() if name != "wide_out.1.out.weight"})
    with pytest.raises(ValueError):
        Autoencoder(SHAPE, weights | {"latent.weight": weights["latent.weight"][:3]})
    with pytest.raises(ValueError, match="halved twice"):
        Autoencoded(size_px=6)
