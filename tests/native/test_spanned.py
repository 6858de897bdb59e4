"""Pictures on their way by their components: what is done with them is what is done with arrays."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from makar.methods.flow import SAMPLERS, steps
from makar.native.products import Real
from makar.native.spanned import Space, Spanned

Reals = NDArray[np.float32]
SHAPE = (3, 2, 4, 4)
NUM = 5


def space() -> Space:
    random = np.random.default_rng(0)
    basis = np.linalg.qr(random.standard_normal((32, NUM)))[0].astype(np.float32)  # (values, components), orthonormal
    return Space(random.standard_normal(32).astype(np.float32), Real(basis.T.copy()), Real(basis.copy()),
                 np.ones(NUM, np.float32))


def begun() -> tuple[Spanned, Reals]:
    noise = np.random.default_rng(1).standard_normal(SHAPE).astype(np.float32)
    return space().begin(noise), noise


def pulled(z: Spanned | Reals, time: float) -> Spanned | Reals:
    """A net over components: it stretches them and bends them."""
    base = space()
    bend = np.float32(1 + time)
    if isinstance(z, Spanned):
        return z.clean(np.tanh(bend * z.components(time)))
    seen = base.basis.times(z.reshape(len(z), -1) - np.float32(time) * base.mean)
    return (base.mean + base.pictures(np.tanh(bend * seen))).reshape(z.shape)


@pytest.mark.parametrize("solver", SAMPLERS)
def test_a_walk_by_components_is_the_walk_of_the_pictures(solver: str) -> None:
    z, noise = begun()
    found, wanted = (SAMPLERS[solver](pulled, start, steps(8)[:6]) for start in (z, noise))
    assert isinstance(found, Spanned) and found.of_noise == pytest.approx(1 - 5 / 8)
    np.testing.assert_allclose(np.asarray(found), wanted, atol=1e-5)


def test_it_counts_as_an_array_where_it_meets_one() -> None:
    z, noise = begun()
    found = (z + z - 0.5 * z) / 2
    np.testing.assert_allclose(np.asarray(found), 0.75 * noise, atol=1e-6)
    for one, other in [(noise + z, 2 * noise), (z + noise, 2 * noise), (noise - 2 * z, -noise), (z - noise, 0 * noise)]:
        assert isinstance(one, np.ndarray)
        np.testing.assert_allclose(one, other, atol=1e-6)
    assert np.asarray(z, np.float64).dtype == np.float64


def test_rows_are_taken_with_their_noise() -> None:
    z, noise = begun()
    assert len(z) == 3 and len(z[1:]) == 2
    np.testing.assert_array_equal(np.asarray(z[[2, 0, 2]]), noise[[2, 0, 2]])
