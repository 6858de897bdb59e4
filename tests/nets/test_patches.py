"""The Transformer over patches: patches and back, positions, conditions, and what it is before training."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from makar.nets.patches import (
    HEAD_DIM,
    Condition,
    Config,
    PatchTransformer,
    initialised,
    patches_of,
    picture_of,
    rotations,
)

CONFIG = Config(size_px=8, patch_px=2, dim=64, num_layers=2, num_looks=3, word_dim=6, hidden_dim=64, context_tok=3,
                bottleneck=8)


def awake(seed: int = 0) -> PatchTransformer:
    """A net whose gates are open."""
    torch.manual_seed(seed)
    net = initialised(CONFIG, seed)
    with torch.no_grad():
        for weight in net.parameters():
            if not weight.any():
                weight.normal_(std=0.2)
    return net


def asked(num: int = 2, seed: int = 1) -> Condition:
    torch.manual_seed(seed)
    return Condition(torch.randn(num, 3, 6), torch.ones(num, 3, dtype=torch.bool), torch.arange(num) % 4)


def run(net: PatchTransformer, z: Tensor, condition: Condition, time: float = 0.4) -> Tensor:
    with torch.no_grad():
        out: Tensor = net(z, torch.full((len(z),), time), condition)
    return out


def test_patches_are_cut_and_joined_without_loss() -> None:
    picture = torch.randn(2, 4, 8, 8)
    patches = patches_of(picture, 2)
    assert patches.shape == (2, 16, 16)
    assert torch.equal(patches[0, 5].view(4, 2, 2), picture[0, :, 2:4, 2:4])
    assert torch.equal(picture_of(patches, 2, 8), picture)


def test_an_untrained_net_is_grey_and_has_a_gradient() -> None:
    net, z = initialised(CONFIG, 0), torch.randn(2, 4, 8, 8)
    assert not run(net, z, asked()).any()
    (net(z, torch.rand(2), asked()) - z).square().mean().backward()
    assert net.out.weight.grad is not None and net.out.weight.grad.any()


def test_the_same_seed_is_the_same_net() -> None:
    ours, same, other = (initialised(CONFIG, seed).state_dict() for seed in (4, 4, 5))
    assert all(torch.equal(ours[name], same[name]) for name in ours)
    assert not torch.equal(ours["narrow.weight"], other["narrow.weight"])


def test_words_look_and_time_each_change_the_picture() -> None:
    net, z, condition = awake(), torch.randn(1, 4, 8, 8), asked(1)
    before = run(net, z, condition)
    assert not torch.allclose(before, run(net, z, dataclasses.replace(condition, words=condition.words + 1)))
    assert not torch.allclose(before, run(net, z, dataclasses.replace(condition, looks=condition.looks + 1)))
    assert not torch.allclose(before, run(net, z, condition, 0.6))


def test_words_that_are_not_there_say_nothing() -> None:
    net, z, condition = awake(), torch.randn(1, 4, 8, 8), asked(1)
    present = torch.tensor([[True, True, False]])
    noisy = condition.words.clone()
    noisy[:, 2] += 100
    ours = run(net, z, Condition(condition.words, present, condition.looks))
    assert torch.equal(ours, run(net, z, Condition(noisy, present, condition.looks)))
    assert torch.isfinite(run(net, torch.cat((z, z)), condition.with_nothing())).all()


def test_rows_do_not_see_each_other() -> None:
    net, z, condition = awake(), torch.randn(2, 4, 8, 8), asked()
    both = run(net, z, condition)
    alone = run(net, z[1:], Condition(condition.words[1:], condition.present[1:], condition.looks[1:]))
    assert torch.allclose(both[1:], alone, atol=1e-5)


def test_products_of_turned_vectors_depend_on_the_distance_alone() -> None:
    cos, sin = rotations(CONFIG)
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


def test_a_mender_changes_nothing_until_it_has_learned_and_then_sees_across_patches() -> None:
    config = dataclasses.replace(CONFIG, mend_dim=4)
    plain, mended, z = awake(), initialised(config, 0), torch.randn(2, 4, 8, 8)
    told = mended.load_state_dict(plain.state_dict(), strict=False)
    assert not told.unexpected_keys and all(name.startswith("mend.") for name in told.missing_keys)
    assert torch.equal(run(mended, z, asked()), run(plain, z, asked()))
    assert mended.mend is not None
    with torch.no_grad():
        mended.mend.last.weight.normal_()
        guess, other = torch.zeros(1, 4, 8, 8), torch.zeros(1, 4, 8, 8)
        other[0, :, 2, 2] = 1.0
        time = torch.tensor([0.4])
        changed = (mended.mend(guess, z[:1], time) - mended.mend(other, z[:1], time)).abs().sum((0, 1)) > 0
    assert changed[5, 5] and not changed[7, 7], "a pixel is seen four pixels away, whatever patch it lies in"
