"""What both nets that draw have in common: what is asked for changes the picture, and no other row does."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import Tensor

from makar.nets.patches import Condition
from makar.nets.relay import PictureNet, Relay, net_of, new_net
from makar.nets.shapes import Components, Patches, PictureShape, Relayed

PATCHES = Patches(size_px=8, patch_px=2, dim=64, num_layers=2, num_looks=3, word_dim=6, hidden_dim=64,
                  context_tok=3, bottleneck=8)
WHOLE = Components(size_px=8, num_components=12, dim=64, num_layers=2, num_looks=3, word_dim=6, hidden_dim=64,
                   context_tok=3)
NETS = {"patches": PATCHES, "first": Relayed(WHOLE, PATCHES, 0.7), "second": Relayed(WHOLE, PATCHES, 0.1)}


@pytest.fixture(params=NETS.values(), ids=NETS)
def config(request: pytest.FixtureRequest) -> PictureShape:
    found: PictureShape = request.param
    return found


@pytest.fixture
def net(config: PictureShape) -> PictureNet:
    """A net whose gates are open."""
    torch.manual_seed(0)
    found = new_net(config, 0)
    with torch.no_grad():
        for weight in found.parameters():
            if not weight.any():
                weight.normal_(std=0.2)
    return found


def asked(num: int = 2, seed: int = 1) -> Condition:
    torch.manual_seed(seed)
    return Condition(torch.randn(num, 3, 6), torch.ones(num, 3, dtype=torch.bool), torch.arange(num) % 4)


def run(net: PictureNet, z: Tensor, condition: Condition, time: float = 0.4) -> Tensor:
    with torch.no_grad():
        out: Tensor = net(z, torch.full((len(z),), time), condition)
    return out


def test_the_same_seed_is_the_same_net(config: PictureShape) -> None:
    ours, same, other = (new_net(config, seed).state_dict() for seed in (4, 4, 5))
    assert all(torch.equal(ours[name], same[name]) for name in ours)
    assert not all(torch.equal(ours[name], other[name]) for name in ours)
    assert type(net_of(dataclasses.asdict(config))) is type(new_net(config, 0))


def test_words_look_and_time_each_change_the_picture(net: PictureNet) -> None:
    z, condition = torch.randn(1, 4, 8, 8), asked(1)
    before = run(net, z, condition)
    assert not torch.allclose(before, run(net, z, dataclasses.replace(condition, words=condition.words + 1)))
    assert not torch.allclose(before, run(net, z, dataclasses.replace(condition, looks=condition.looks + 1)))
    assert not torch.allclose(before, run(net, z, condition, 0.6))


def test_words_that_are_not_there_say_nothing(net: PictureNet) -> None:
    z, condition = torch.randn(1, 4, 8, 8), asked(1)
    present = torch.tensor([[True, True, False]])
    noisy = condition.words.clone()
    noisy[:, 2] += 100
    ours = run(net, z, Condition(condition.words, present, condition.looks))
    assert torch.equal(ours, run(net, z, Condition(noisy, present, condition.looks)))
    assert torch.isfinite(run(net, torch.cat((z, z)), condition.with_nothing())).all()


def test_rows_do_not_see_each_other(net: PictureNet) -> None:
    z, condition = torch.randn(2, 4, 8, 8), asked()
    both = run(net, z, condition)
    alone = run(net, z[1:], Condition(condition.words[1:], condition.present[1:], condition.looks[1:]))
    assert torch.allclose(both[1:], alone, atol=1e-5)


def test_each_row_is_drawn_by_the_net_of_its_time() -> None:
    torch.manual_seed(0)
    net = new_net(Relayed(WHOLE, PATCHES, 0.5), 0)
    assert isinstance(net, Relay)
    with torch.no_grad():
        for weight in net.parameters():
            if not weight.any():
                weight.normal_(std=0.2)
        z, condition, time = torch.randn(3, 4, 8, 8), asked(3), torch.tensor([0.2, 0.8, 0.49])
        made, whole, patched = (part(z, time, condition) for part in (net, net.first, net.second))
    for row, wanted in enumerate((whole, patched, whole)):
        assert torch.allclose(made[row], wanted[row], atol=1e-5)
        assert not torch.allclose(whole[row], patched[row], atol=1e-2)
