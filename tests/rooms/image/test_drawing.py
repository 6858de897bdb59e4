"""A picture is its own seed's alone; what is given is kept where it must be kept."""

from __future__ import annotations

import base64
import dataclasses
import io

import numpy as np
import pytest
from PIL import Image

from makar.generate.artifact import this_platform
from makar.kit.errors import BadInput, UnknownName
from makar.methods.flow import steps
from makar.rooms.image import ROOM, ImageRequest, ImageSampling, Reference
from makar.rooms.image.drawing import Given, Reals, draw, noise
from makar.rooms.image.models import tiny
from makar.rooms.image.models.patchflow import PatchFlow, Pixels
from makar.store.pictures import ESRGAN

SAMPLING = ImageSampling(seed=5, num_steps=8)


@pytest.fixture(scope="module")
def model() -> PatchFlow:
    return tiny.build()


def in_base64(pixels: Pixels) -> str:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return base64.b64encode(out.getvalue()).decode()


def drawn(model: PatchFlow, request: ImageRequest) -> list[Pixels]:
    return [pixels for _, pixels in model.pictures(request)]


def request(**changes: object) -> ImageRequest:
    return dataclasses.replace(ImageRequest("a circle", "tiny", n=1, sampling=SAMPLING), **changes)


def test_eight_candidates_are_those_of_their_seeds_alone(model: PatchFlow) -> None:
    together = drawn(model, request(n=8))
    for index in (7, 0, 3):
        alone = drawn(model, request(sampling=dataclasses.replace(SAMPLING, seed=5 + index)))[0]
        assert alone.tobytes() == together[index].tobytes()
    assert len({picture.tobytes() for picture in together}) == 8


def test_words_style_guidance_times_and_solver_all_change_the_picture(model: PatchFlow) -> None:
    plain = drawn(model, request())[0]
    times = " ".join(str(step**2 / 64) for step in range(8))
    for other in (request(prompt="a square"), request(style="hollow"),
                  request(sampling=dataclasses.replace(SAMPLING, times=times)),
                  request(sampling=dataclasses.replace(SAMPLING, guidance=1.0)),
                  request(sampling=dataclasses.replace(SAMPLING, solver="heun"))):
        assert not np.array_equal(drawn(model, other)[0], plain)


def test_a_pixel_style_has_hard_edges(model: PatchFlow) -> None:
    assert set(np.unique(drawn(model, request(style="pixel"))[0][..., 3])) <= {0, 255}


def test_no_strength_changes_nothing_and_a_mask_keeps_the_rest(model: PatchFlow) -> None:
    random = np.random.default_rng(0)
    given = np.full((32, 32, 4), 255, np.uint8)
    given[..., :3] = random.integers(0, 256, (32, 32, 3))
    untouched = drawn(model, request(reference=Reference(in_base64(given), 0.0)))[0]
    assert np.array_equal(untouched, given)
    half = [request(reference=Reference(in_base64(given), 0.5), sampling=dataclasses.replace(SAMPLING, tries=tries))
            for tries in (1, 4)]
    assert np.array_equal(*(drawn(model, one)[0] for one in half)), "there is one picture to begin with"
    mask = np.zeros((32, 32, 4), np.uint8)
    mask[..., 3] = 255
    mask[8:16, 8:24, :3] = 255
    edited = drawn(model, request(reference=Reference(in_base64(given), 1.0, in_base64(mask))))[0]
    changed = (edited != given).any(-1)
    assert changed[8:16, 8:24].any()
    changed[8:16, 8:24] = False
    assert np.abs(edited.astype(int) - given)[changed].max(initial=0) <= 1, "rounding alone may show"


def test_more_strength_goes_further_away() -> None:
    given = np.random.default_rng(1).standard_normal((1, 4, 32, 32), np.float32)

    def exact(z: Reals, t: float) -> Reals:
        return t * z / (t**2 + (1 - t) ** 2)  # of data that are standard normal numbers

    start = noise(2, given.shape)
    apart = [float(np.square(draw(start, exact, steps(20), "heun", Given(given, strength)) - given).mean())
             for strength in (0.0, 0.3, 0.6, 1.0)]
    assert apart[0] == 0
    assert apart == sorted(apart)
    assert apart[-1] == pytest.approx(2, rel=0.05), "then it is another draw altogether"


def test_a_mask_of_another_size_is_refused(model: PatchFlow) -> None:
    small, large = (in_base64(np.full((side, side, 4), 255, np.uint8)) for side in (16, 32))
    with pytest.raises(BadInput, match="16 x 16 px and the picture 32 x 32"):
        drawn(model, request(reference=Reference(large, 0.5, small)))


def test_nearness_is_one_for_what_was_shown_and_less_for_the_rest(model: PatchFlow) -> None:
    assert model.nearness("square").concepts[0] == "square"
    assert model.nearness("square").score_frac == pytest.approx(1.0, abs=1e-3)
    assert model.nearness("square").known
    assert not model.nearness("balance sheet").known


def test_what_cannot_be_asked_is_refused_in_one_line(model: PatchFlow) -> None:
    with pytest.raises(UnknownName, match="filled"):
        drawn(model, request(style="fulled"))
    for changes, words in (({"prompt": "  "}, "empty"), ({"prompt": "word " * 1000}, "characters"),
                           ({"size_px": 100}, "32, 64"), ({"n": 0}, "between 1")):
        with pytest.raises(BadInput, match=words):
            request(**changes)
    for changes, words in (({"num_steps": 0}, "steps"), ({"guidance": -1.0}, "guidance"),
                           ({"tries": 0}, "tries"),
                           ({"tries": 33}, "tries"), ({"solver": "rk"}, "euler"),
                           ({"times": "0 0.5"}, "8 steps"), ({"times": "0 a"}, "spaces"),
                           ({"num_steps": 2, "times": "0.1 0.5"}, "rise from 0"),
                           ({"num_steps": 3, "times": "0 0.5 nan"}, "rise from 0")):
        with pytest.raises(BadInput, match=words):
            dataclasses.replace(SAMPLING, **changes)
    with pytest.raises(BadInput, match="strength"):
        Reference("", 1.5)


@pytest.mark.parametrize(("changes", "libraries"), [
    ({}, ("numpy", "pillow")), ({"form": "svg"}, ("numpy", "vtracer")),
    ({"size_px": 256, "enlarger": ESRGAN.name}, ("numpy", "pillow", "ncnn")),
    ({"size_px": 64, "enlarger": ESRGAN.name}, ("numpy", "pillow"))])
def test_a_record_names_what_computed_the_file(model: PatchFlow, changes: dict[str, object],
                                               libraries: tuple[str, ...]) -> None:
    assert ROOM.libraries(model, request(**changes)) == libraries
    assert {"numpy", "blas", *libraries} <= this_platform(*libraries).keys()
