"""The Transformer over patches: patches and back, positions, and what it is before training."""

from __future__ import annotations

import torch

from makar.nets.patches import Condition, initialised, patches_of, picture_of
from makar.nets.shapes import HEAD_DIM, Patches, rotations

CONFIG = Patches(size_px=8, patch_px=2, dim=64, num_layers=2, num_looks=3, word_dim=6, hidden_dim=64, context_tok=3,
                 bottleneck=8)


def test_patches_are_cut_and_joined_without_loss() -> None:
    picture = torch.randn(2, 4, 8, 8)
    patches = patches_of(picture, 2)
    assert patches.shape == (2, 16, 16)
    assert torch.equal(patches[0, 5].view(4, 2, 2), picture[0, :, 2:4, 2:4])
    assert torch.equal(picture_of(patches, 2, 8), picture)


def test_an_untrained_net_is_grey_and_has_a_gradient() -> None:
    net, z = initialised(CONFIG, 0), torch.randn(2, 4, 8, 8)
    asked = Condition(torch.randn(2, 3, 6), torch.ones(2, 3, dtype=torch.bool), torch.arange(2))
    made = net(z, torch.rand(2), asked)
    assert not made.any()
    (made - z).square().mean().backward()
    assert net.out.weight.grad is not None and net.out.weight.grad.any()


def test_products_of_turned_vectors_depend_on_the_distance_alone() -> None:
    cos, sin = map(torch.from_numpy, rotations(CONFIG))
    assert torch.equal(cos[:3], torch.ones(3, HEAD_DIM)) and not sin[:3].any()
    torch.manual_seed(0)
    q, k = torch.randn(HEAD_DIM), torch.randn(HEAD_DIM)

    def product(one: tuple[int, int], other: tuple[int, int]) -> float:
        turned = []
        for vector, (row, column) in ((q, one), (k, other)):
            at = 3 + row * 4 + column
            turned.append(vector * cos[at] + vector.roll(HEAD_DIM // 2) * sin[at])
        return float(turned[0] @ turned[1])

    assert abs(product((0, 0), (1, 2)) - product((2, 1), (3, 3))) < 1e-4
    assert abs(product((0, 0), (1, 2)) - product((0, 0), (2, 1))) > 1e-2
