"""Packed weights: back to what they were, whatever the shape, and refused when they are not what they say."""

from __future__ import annotations

import pytest
import torch

from makar.kit.errors import Damaged
from makar.native.pack import GROUP, PANEL, Packed, block_bytes, pack, pack_blocks, packed_shape, unpack

SHAPES = [(1, 1), (16, 32), (17, 33), (5, 96), (48, 70), (4100, 32)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("bits", "steps"), [(8, 255), (4, 15)])
def test_every_value_within_half_a_step(shape: tuple[int, int], bits: int, steps: int) -> None:
    weight = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    packed = pack(weight, bits)
    assert packed.data.shape == packed_shape(*shape, bits)
    error = (unpack(packed) - weight).abs()
    wide = weight.amax() - weight.amin()
    # least squares may move an outlier a little beyond half a step; fp16 keeps 11 bits of scale and min
    assert error.max() <= wide / steps * 0.75 + weight.abs().max() / 1024


@pytest.mark.parametrize("bits", [4, 8])
def test_quants_of_a_file_are_kept_exactly(bits: int) -> None:
    random = torch.Generator().manual_seed(2)
    q = torch.randint(0, 2**bits, (37, 3, GROUP), generator=random)
    scale, low = (torch.randn(37, 3, generator=random).half().float() for _ in range(2))
    expected = (q * scale.unsqueeze(-1) + low.unsqueeze(-1)).view(37, 96)
    assert torch.equal(unpack(pack_blocks(q, scale, low, bits)), expected)


def test_the_order_of_bytes_is_the_documented_one() -> None:
    q = torch.arange(16 * 64).remainder(251).view(16, 2, 32)
    scale, low = torch.arange(32.0).view(16, 2) + 1, -torch.arange(32.0).view(16, 2)
    data = pack_blocks(q, scale, low, 8).data
    block = data[0, 1]
    assert block[:64].contiguous().view(torch.float16).tolist() == [*scale[:, 1].tolist(), *low[:, 1].tolist()]
    for row, column in [(0, 0), (3, 7), (15, 31)]:
        assert block[64 + column // 4 * 64 + row * 4 + column % 4] == q[row, 1, column]
    q = q.remainder(16)
    block = pack_blocks(q, scale, low, 4).data[0, 1]
    for row, column in [(0, 0), (3, 7), (2, 17), (15, 31)]:
        byte = int(block[64 + column // 4 % 4 * 64 + row * 4 + column % 4])
        assert (byte >> 4 if column >= 16 else byte & 15) == q[row, 1, column]


def test_what_fills_up_has_no_effect() -> None:
    data = pack(torch.ones(PANEL + 1, 40), 4).data
    lanes = data[1, :, :64].contiguous().view(torch.float16).view(-1, 2, PANEL)
    assert lanes[:, :, 1:].abs().max() == 0
    assert torch.equal(unpack(pack(torch.zeros(3, 5), 8)), torch.zeros(3, 5))


def test_least_squares_is_no_worse_than_the_range() -> None:
    weight = torch.randn(64, 256, generator=torch.Generator().manual_seed(3))
    groups = weight.view(64, 8, 32)
    low = groups.amin(-1, keepdim=True)
    step = (groups.amax(-1, keepdim=True) - low) / 15
    plain = ((groups - low) / step).round() * step + low
    assert (unpack(pack(weight, 4)) - weight).square().mean() < 0.97 * (plain - groups).square().mean()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_no_number_is_refused(value: float) -> None:
    weight = torch.ones(20, 40)
    weight[3, 4] = value
    with pytest.raises(Damaged, match="finite"):
        pack(weight, 8)
    with pytest.raises(Damaged, match="fp16"):
        pack_blocks(torch.zeros(1, 1, 32), torch.tensor([[1e6]]), torch.zeros(1, 1), 8)


@pytest.mark.parametrize(("rows", "cols", "bits"), [(17, 32, 8), (16, 33, 8), (16, 32, 4), (16, 32, 5), (0, 32, 8)])
def test_bytes_of_another_shape_are_refused(rows: int, cols: int, bits: int) -> None:
    with pytest.raises(Damaged):
        Packed(rows, cols, bits, torch.zeros(1, 1, block_bytes(8), dtype=torch.uint8))
