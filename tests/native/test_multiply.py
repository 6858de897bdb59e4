"""One packed matrix over rows: every path against twin and fp32, and the same bits however it is computed."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from makar.kit.errors import BadInput, NotHere
from makar.native import cpu, twin
from makar.native.kernel import Threads
from makar.native.library import PATHS
from makar.native.pack import pack, pack_blocks, unpack

HERE = [path for path in PATHS if path in cpu.paths()]
needs_kernel = pytest.mark.skipif(not HERE, reason="makar was installed without a C++ compiler")


def _normal(*shape: int, seed: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@needs_kernel
@settings(max_examples=40, deadline=None)
@given(st.sampled_from(HERE or ["none"]), st.integers(1, 70), st.integers(1, 150), st.integers(1, 20),
       st.sampled_from([4, 8]), st.integers(0, 99))
def test_path_twin_and_fp32_agree(path: str, rows: int, cols: int, num: int, bits: int, seed: int) -> None:
    packed, x = pack(_normal(rows, cols, seed=seed), bits), _normal(num, cols, seed=seed + 1)
    y, expected = Threads(path, 2).multiply(packed, x), twin.multiply(packed, x)
    torch.testing.assert_close(y, expected, rtol=1e-5, atol=1e-4)
    # fp32 differs by the rounding of activations in two parts: half of 1/127 of 1/254 of the largest, over the columns
    bound = 0.6 / 127 / 254 * x.abs().amax() * unpack(packed).norm(dim=1).max() * 3
    assert (y - x @ unpack(packed).t()).abs().max() <= bound + 1e-4


@needs_kernel
@pytest.mark.parametrize("path", HERE)
@pytest.mark.parametrize("bits", [4, 8])
def test_a_row_has_the_same_bits_in_any_company_and_with_any_threads(path: str, bits: int) -> None:
    packed, x = pack(_normal(200, 96, seed=1), bits), _normal(150, 96, seed=2)
    whole = Threads(path, 1).multiply(packed, x)
    for num_threads in (2, 3, 5):
        assert torch.equal(Threads(path, num_threads).multiply(packed, x), whole)
    threads = Threads(path, 2)
    for start, end in [(0, 1), (3, 5), (7, 20), (100, 150)]:
        assert torch.equal(threads.multiply(packed, x[start:end]), whole[start:end])


@pytest.mark.parametrize("bits", [4, 8])
def test_a_row_of_the_twin_has_the_same_bits_in_any_company(bits: int) -> None:
    packed, x = pack(_normal(40, 96, seed=1), bits), _normal(70, 96, seed=2)
    whole = twin.multiply(packed, x)
    for start, end in [(0, 1), (3, 5), (30, 70)]:
        assert torch.equal(twin.multiply(packed, x[start:end]), whole[start:end])


@needs_kernel
@pytest.mark.parametrize("path", HERE)
@pytest.mark.parametrize(("bits", "top"), [(4, 15), (8, 255)])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_largest_numbers_do_not_overflow(path: str, bits: int, top: int, sign: float) -> None:
    packed = pack_blocks(torch.full((16, 4, 32), top), torch.ones(16, 4), torch.zeros(16, 4), bits)
    y = Threads(path, 1).multiply(packed, torch.full((3, 128), 127.0 * sign))
    assert torch.equal(y, torch.full((3, 16), sign * top * 127.0 * 128))


@needs_kernel
@pytest.mark.parametrize("path", HERE)
def test_rows_of_nothing_and_of_tiny_numbers(path: str) -> None:
    packed = pack(_normal(16, 40, seed=3), 8)
    x = torch.stack((torch.zeros(40), torch.full((40,), 1e-40), torch.full((40,), 1e-20)))
    y = Threads(path, 1).multiply(packed, x)
    assert torch.equal(y[:2], torch.zeros(2, 16))
    torch.testing.assert_close(y[2], unpack(packed).sum(1) * 1e-20, rtol=1e-2, atol=1e-22)


@needs_kernel
def test_what_does_not_fit_is_refused() -> None:
    threads = Threads(HERE[-1], 1)
    packed = pack(torch.ones(16, 32), 8)
    for shape in [(2, 31), (2, 33), (32,)]:
        with pytest.raises(BadInput, match="32 columns"):
            threads.multiply(packed, torch.zeros(shape))
    assert threads.multiply(packed, torch.zeros(0, 32)).shape == (0, 16)
    with pytest.raises(NotHere, match="does not run here"):
        Threads("sse9", 1)
