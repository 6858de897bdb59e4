"""Products of bytes: every path and NumPy to the same bits, near to fp32, alone and in any company."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from makar.kit.errors import NotHere
from makar.native.library import PATHS, has_path
from makar.native.products import Int8, Real, matrix_of
from makar.store.shards import Quantised

HERE = [path for path in PATHS if has_path(path)]
WAYS = [None, *HERE]
Reals = NDArray[np.float32]


def weight(rows: int, cols: int, seed: int = 0) -> Quantised:
    random = np.random.default_rng(seed)
    return Quantised(random.integers(-127, 128, (rows, cols)).astype(np.int8), random.random(rows, np.float32) / 100)


def normal(*shape: int, seed: int = 1) -> Reals:
    return np.random.default_rng(seed).standard_normal(shape, np.float32)


@pytest.mark.skipif(not HERE, reason="makar was installed without a C++ compiler")
@settings(max_examples=60, deadline=None)
@given(st.integers(1, 90), st.integers(1, 150), st.integers(1, 20), st.integers(0, 99))
def test_every_path_comes_to_the_bits_of_numpy(rows: int, cols: int, num: int, seed: int) -> None:
    kept, x = weight(rows, cols, seed), normal(num, cols, seed=seed + 1)
    alone = matrix_of(kept, None).times(x)
    for path in HERE:
        assert np.array_equal(matrix_of(kept, path).times(x), alone), path


@pytest.mark.parametrize("path", WAYS)
def test_sums_beyond_what_fp32_counts_are_exact_until_they_are_rounded_once(path: str | None) -> None:
    cols = 5000
    kept = Quantised(np.full((1, cols), 127, np.int8), np.ones(1, np.float32))
    x = np.full((1, cols), 127.0, np.float32)
    x[0, 0] = 126
    step = np.float32(127) * np.float32(1 / 127)
    assert matrix_of(kept, path).times(x)[0, 0] == np.float32(127 * 127 * cols - 127) * step


@pytest.mark.parametrize("path", WAYS)
def test_it_is_near_to_fp32_and_nearer_in_two_parts(path: str | None) -> None:
    kept, x = weight(70, 300), normal(9, 300)
    wanted = x @ kept.reals().T
    size = np.linalg.norm(wanted)
    matrix = matrix_of(kept, path)
    assert np.linalg.norm(matrix.times(x) - wanted) < 0.012 * size
    assert np.linalg.norm(matrix.finely(x) - wanted) < 1e-4 * size
    back = matrix_of(kept.turned(), path).finely(wanted * kept.scales)
    assert np.linalg.norm(back - wanted @ kept.reals()) < 1e-4 * np.linalg.norm(back)


@pytest.mark.parametrize("path", WAYS)
def test_a_row_has_the_same_bits_in_any_company(path: str | None) -> None:
    matrix, x = matrix_of(weight(65, 96), path), normal(20, 96)
    whole = matrix.times(x)
    for start, end in [(0, 1), (3, 5), (7, 20)]:
        assert np.array_equal(matrix.times(x[start:end]), whole[start:end])
    assert np.array_equal(matrix.times(x.reshape(4, 5, 96)), whole.reshape(4, 5, 65))
    assert np.array_equal(matrix.times(x.T.copy().T), whole)


@pytest.mark.parametrize("path", HERE)
def test_rows_that_threads_share_have_the_bits_of_numpy(path: str) -> None:
    kept, x = weight(500, 600), normal(41, 600)
    assert np.array_equal(matrix_of(kept, path).times(x), matrix_of(kept, None).times(x))


@pytest.mark.parametrize("path", WAYS)
def test_rows_of_nothing_come_to_nothing(path: str | None) -> None:
    assert not matrix_of(weight(17, 40), path).times(np.zeros((3, 40), np.float32)).any()
    assert matrix_of(weight(17, 40), path).times(np.zeros((0, 40), np.float32)).shape == (0, 17)


@pytest.mark.parametrize("matrix", [Int8(weight(16, 32).values, weight(16, 32).scales, None), Real(normal(16, 32))])
def test_rows_of_another_length_are_refused(matrix: Int8 | Real) -> None:
    with pytest.raises(ValueError):
        matrix.times(normal(2, 31))


def test_rows_too_long_for_sums_of_32_bits_are_multiplied_in_fp32() -> None:
    kept = Quantised(np.full((1, 1 << 16), 127, np.int8), np.ones(1, np.float32))
    assert matrix_of(kept, None).times(np.ones((1, 1 << 16), np.float32))[0, 0] == 127 << 16


def test_a_path_that_is_not_here_is_refused() -> None:
    with pytest.raises(NotHere, match='sse9'):
        matrix_of(weight(2, 2), "sse9")
