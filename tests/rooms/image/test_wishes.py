"""Words of a prompt become attributes; what means nothing is told; a seed keeps what the words leave open."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from makar.codecs.attributed import Attribute
from makar.curation.pictures.avatars import words
from makar.kit.errors import BadInput, UnknownName
from makar.nets.adversaries import Config, initialised
from makar.rooms.image import ImageRequest, Reference
from makar.rooms.image.models.avatars import Avatars
from makar.rooms.image.wishes import wishes

ROW = {"hair": "long01", "eyes": "variant01", "mouth": "happy01", "clothing": "variant01", "glasses": "light01",
       "beard": "none", "hat": "none", "accessories": "none"}
ROWS = [ROW, {**ROW, "hair": "short01", "mouth": "sad01", "glasses": "dark01", "hat": "variant01",
              "beard": "variant01"},
        {**ROW, "glasses": "none", "accessories": "variant01"}]
WORDS = words(ROWS)


@pytest.fixture(scope="module")
def model() -> Avatars:
    attributes = (Attribute("hair", ("long01", "short01")), Attribute("glasses", ("light01", "none")),
                  Attribute("glasses colour", ("#191919", "#323232", "none")))
    net = initialised(Config(8, (2, 2, 3), noise_dim=4, dim=8, hidden_dim=16, num_inks=3), 0)[0]
    return Avatars("painted", "0" * 64, "none", net.eval().requires_grad_(False), attributes,
                   ((5, 15), (6, 14), (3, 3, 14)), WORDS)


@pytest.mark.parametrize(("prompt", "values", "unknown"), [
    ("woman with glasses and red hair", {"glasses": ("dark01", "light01"), "hair colour": ("#bd1700",)}, ("woman",)),
    ("long light brown hair, no hat", {"hair": ("long01",), "hair colour": ("#a78961",), "hat": ("none",)}, ()),
    ("smiling dark-skinned face", {"mouth": ("happy01",), "skin colour": ("#8d5524", "#a26d3d")}, ()),
    ("a person without glasses", {"glasses": ("none",)}, ()),
    ("sunglasses and gold earrings", {"glasses": ("dark01",), "accessories": ("variant01",),
                                      "accessories colour": ("#daa520", "#ffd700")}, ()),
    ("a red dragon", {}, ("red", "dragon")),
    ("", {}, ()),
])
def test_each_noun_takes_the_adjectives_before_it(prompt: str, values: dict[str, tuple[str, ...]],
                                                  unknown: tuple[str, ...]) -> None:
    found = wishes(prompt, WORDS)
    assert found.values == values and found.unknown == unknown


def test_what_is_asked_for_is_drawn_and_the_rest_is_the_seed_s(model: Avatars) -> None:
    def drawn(asked: dict[str, tuple[str, ...]], seed: int) -> list[int]:
        return model.drawn(asked, torch.Generator().manual_seed(seed))

    for seed in range(20):
        free, long = drawn({}, seed), drawn({"hair": ("long01",)}, seed)
        assert long[0] == 0 and long[1:] == free[1:]
        assert drawn({"glasses": ("none",)}, seed)[1:] == [1, 2]
        assert drawn({"glasses": ("light01",)}, seed)[2] != 2
        assert drawn({"glasses": ("light01",), "glasses colour": ("#323232",)}, seed)[1:] == [0, 1]
    share = sum(drawn({}, seed)[0] for seed in range(400)) / 400
    assert 0.65 < share < 0.85


def test_pictures_are_crisp_and_each_is_its_seed_s_alone(model: Avatars) -> None:
    request = ImageRequest("a face", "painted", n=5)
    together = [pixels for _, pixels in model.pictures(request)]
    assert all(set(pixels[..., 3].ravel()) <= {0, 255} for pixels in together)
    alone = dataclasses.replace(request, n=1, sampling=dataclasses.replace(request.sampling, seed=3))
    assert next(model.pictures(alone))[1].tobytes() == together[3].tobytes()
    assert model.looks.shows_pixels(None) and model.looks.shows_pixels("pixel")


def test_other_styles_and_pictures_to_start_from_are_refused(model: Avatars) -> None:
    with pytest.raises(UnknownName, match="pixel"):
        next(model.pictures(ImageRequest("a face", "painted", style="flat")))
    with pytest.raises(BadInput, match="words alone"):
        next(model.pictures(ImageRequest("a face", "painted", reference=Reference("AAAA"))))
