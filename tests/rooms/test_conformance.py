"""Every room and every model in it keeps the same promises."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from makar.generate.load import load
from makar.generate.make import artifacts, collect, make
from makar.kit import plugins
from makar.kit.config import canonical, from_json, to_json
from makar.methods.autoregress import Sampling
from makar.room import Room, room

SAMPLING = Sampling(max_tok=16, temperature=2.0, seed=3)


def _text(model: str) -> Any:
    from makar.codecs.chat import Message
    from makar.rooms.text import TextRequest

    return TextRequest((Message("user", "Say something about rain."),), model, SAMPLING)


def _code(model: str) -> Any:
    from makar.rooms.code import CodeRequest

    return CodeRequest("write", model, SAMPLING, instruction="add two numbers")


def _image(model: str) -> Any:
    from makar.rooms.image import ImageRequest, ImageSampling

    return ImageRequest("a red circle", model, size_px=32, sampling=ImageSampling(seed=3, num_steps=2))


REQUESTS: dict[str, Callable[[str], Any]] = {"text": _text, "code": _code, "image": _image}
ROOMS = plugins.names("makar.rooms")
SHIPPED = {"image": "icons-128"}


def exactly(request: Any, **changes: Any) -> Any:
    """The request with changes, answered with the same bytes in any company: pictures always are."""
    told = {field.name for field in dataclasses.fields(request)}
    return dataclasses.replace(request, **changes, **({"exact": True} if "exact" in told else {}))


def test_every_room_is_asked_something_here() -> None:
    assert set(REQUESTS) == set(ROOMS)


@pytest.mark.parametrize("name", ROOMS)
def test_a_room_is_what_it_says(name: str) -> None:
    found = room(name)
    assert isinstance(found, Room)
    assert found.name == name
    assert dataclasses.is_dataclass(found.request)
    assert found.request.__dataclass_params__.frozen  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ROOMS)
def test_a_room_names_every_model_file_it_has(name: str) -> None:
    found = room(name)
    files = plugins.names(f"makar.rooms.{name}.models")
    assert sorted(found.models) == files
    assert "tiny" in files
    for file in files:
        assert callable(plugins.load(f"makar.rooms.{name}.models", file, "build"))


@pytest.fixture(params=[pytest.param((name, model), id=f"{name}-{model}",
                                     marks=[pytest.mark.weights] if model != "tiny" else [])
                        for name in ROOMS for model in ("tiny", SHIPPED.get(name, "causal"))])
def asked(request: pytest.FixtureRequest) -> tuple[Room, Any]:
    """A room and a request to one of its models; `causal` is SmolLM2-135M, what reads prompts of pictures MiniLM."""
    name, model = request.param
    if model != "tiny":
        request.getfixturevalue("smollm2_home")
    if model == "causal":
        model = request.getfixturevalue("smollm2").name
    return room(name), REQUESTS[name](model)


def test_the_same_request_gives_the_same_content(asked: tuple[Room, Any]) -> None:
    found, request = asked
    exact = exactly(request)
    first, again = artifacts(found, exact)[0], artifacts(found, exact)[0]
    assert first.content == again.content
    assert first.id != again.id


def test_pieces_and_whole_agree_and_every_candidate_ends_once(asked: tuple[Room, Any]) -> None:
    found, request = asked
    several = exactly(request, n=3)
    pieces = list(make(found, several))
    for index in range(3):
        own = [piece for piece in pieces if piece.index == index]
        assert [bool(piece.finish) for piece in own] == [False] * (len(own) - 1) + [True]
        assert own[-1].finish in ("stop", "length")
        assert sum(piece.num_tok for piece in own) <= SAMPLING.max_tok
    whole = [one.content for one in artifacts(found, several)]
    assert [one.content for one in collect(found, several, pieces, seconds=0.0)] == whole


def test_candidates_are_those_of_their_seeds_alone(asked: tuple[Room, Any]) -> None:
    found, request = asked
    together = artifacts(found, exactly(request, n=3))
    for one in together:
        sampling = dataclasses.replace(request.sampling, seed=one.seed)
        alone = artifacts(found, exactly(request, sampling=sampling))
        assert alone[0].content == one.content


def test_a_request_survives_json(asked: tuple[Room, Any]) -> None:
    found, request = asked
    assert from_json(found.request, to_json(request)) == request
    assert canonical(request)


def test_a_model_says_what_it_is(asked: tuple[Room, Any]) -> None:
    found, request = asked
    model = load(found, request.model)
    assert model.name == request.model
    assert len(bytes.fromhex(model.sha256)) == 32
    assert model.training_data
    assert found.media_type(request).count("/") == 1


def test_a_stopped_reader_leaves_the_model_usable(asked: tuple[Room, Any]) -> None:
    found, request = asked
    exact = exactly(request)
    before = artifacts(found, exact)[0].content
    pieces = make(found, exact)
    next(pieces)
    pieces.close()  # type: ignore[attr-defined]
    assert artifacts(found, exact)[0].content == before
