"""Several beginnings of one picture: what is taken fits best, and is drawn on as if it had been the only one."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from makar.methods.flow import steps
from makar.native.pictures import Asked
from makar.rooms.image import ImageRequest, ImageSampling
from makar.rooms.image.drawing import Reals, denoiser, draw, noise
from makar.rooms.image.models import tiny
from makar.rooms.image.prompts import condition
from makar.rooms.image.tries import best_of, misfit, starts_of

SHAPE = (1, 1, 4, 4)
MEANS = np.where(np.indices((4, 4))[1] < 2, 1.0, -1.0).astype(np.float32)
"""What the one word means; its opposite means the opposite, and no word either of the two."""


def exact(z: Reals, time: float, asked: Asked) -> Reals:
    """The exact denoiser of two pictures, each with a little of the normal about it (variance 0.1)."""
    variance = 0.1
    spread = time**2 * variance + (1 - time) ** 2

    def guess(mean: Reals) -> Reals:
        return mean + time * variance / spread * (z - time * mean)

    lean = 2 * time * (z * MEANS).sum((1, 2, 3)) / spread
    word = np.repeat(asked.words[:, 0, 0], len(z) // len(asked.words))
    share = np.where(word == 0, 1 / (1 + np.exp(-np.clip(lean, -60, 60))), (word + 1) / 2).reshape(-1, 1, 1, 1)
    found: Reals = (share * guess(MEANS) + (1 - share) * guess(-MEANS)).astype(np.float32)
    return found


def asking(word: float, num: int = 1) -> Asked:
    return Asked(np.full((num, 1, 1), word, np.float32), np.ones((num, 1), np.bool_), np.zeros(num, np.int64))


@pytest.mark.parametrize("word", [1.0, -1.0])
def test_what_fits_the_words_fits_best_and_what_nothing_means_worst(word: float) -> None:
    nothing = 3 * np.indices((4, 4))[0].astype(np.float32)
    found = misfit(exact, asking(word, 3), np.stack([word * MEANS, -word * MEANS, nothing])[:, None])
    assert found.argmin() == 0
    assert found.argmax() == 2


def test_a_try_does_not_depend_on_the_others() -> None:
    pictures = np.random.default_rng(0).standard_normal((5, *SHAPE[1:])).astype(np.float32)
    together = misfit(exact, asking(1.0, 5), pictures)
    alone = [misfit(exact, asking(1.0), picture[None])[0] for picture in pictures]
    np.testing.assert_allclose(together, alone, rtol=1e-5)


@pytest.mark.parametrize("solver", ["euler", "heun"])
def test_the_one_that_is_taken_is_drawn_as_if_it_were_alone(solver: str) -> None:
    starts, times = starts_of(7, 6, SHAPE), steps(8)
    z, left = best_of(exact, asking(1.0), 2.0, starts, times, solver)
    assert left == times[2:]
    denoise = denoiser(exact, asking(1.0), 2.0)
    drawn = draw(z, denoise, left, solver)
    whole = [draw(start[None], denoise, times, solver) for start in starts]
    assert min(float(np.abs(drawn - one).max()) for one in whole) < 1e-5
    assert np.array_equal(starts[0], noise(7, SHAPE)[0])
    assert len({start.tobytes() for start in starts}) == 6


def test_where_one_step_does_all_what_is_drawn_is_judged() -> None:
    z, left = best_of(exact, asking(1.0), 1.0, starts_of(7, 3, SHAPE), [0.0, 1.0], "euler")
    assert left == [1.0]
    assert draw(z, denoiser(exact, asking(1.0), 1.0), left, "euler") is z


def test_a_request_draws_the_try_that_fits_best_alone_as_together() -> None:
    model, sampling = tiny.build(), ImageSampling(seed=5, num_steps=8)
    asked = condition(model.prompts, "a circle", 0, model.shape.context_tok)
    shape = (1, 4, 32, 32)
    fits = [float(misfit(model.net, asked, model.net(z, 0.25, asked))[0]) for z in (
        draw(start[None], denoiser(model.net, asked, sampling.guidance), steps(8)[:3], "euler")
        for start in starts_of(5, 4, shape))]
    tried = dataclasses.replace(sampling, tries=4)
    request = ImageRequest("a circle", "tiny", sampling=tried)
    _, found = next(model.pictures(request))
    first = next(model.pictures(dataclasses.replace(request, sampling=sampling)))[1]
    assert int(np.argmin(fits)) != 0, "else nothing would be shown here"
    assert not np.array_equal(found, first)
    together = list(model.pictures(dataclasses.replace(request, n=3)))
    alone = next(model.pictures(dataclasses.replace(request, sampling=dataclasses.replace(tried, seed=7))))[1]
    assert together[2][1].tobytes() == alone.tobytes()
