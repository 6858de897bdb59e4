"""Requests to artifacts: all candidates, whole, with what the manifest needs."""

from __future__ import annotations

import dataclasses

import pytest

from makar.codecs.chat import Message
from makar.generate.artifact import new_id
from makar.generate.load import forget, load
from makar.generate.make import artifacts, collect, make
from makar.kit.errors import UnknownName
from makar.methods.autoregress import Sampling
from makar.room import Piece
from makar.rooms.text import ROOM, TextRequest

ASK = TextRequest((Message("user", "hello"),), "tiny", Sampling(max_tok=12, temperature=5.0, seed=5), n=3)


def test_pieces_join_to_artifacts() -> None:
    whole = artifacts(ROOM, ASK)
    parts = ["", "", ""]
    for piece in make(ROOM, ASK):
        parts[piece.index] += piece.text
    assert [one.content for one in whole] == parts
    assert len(set(parts)) == 3, "three seeds of a random model make three texts"


def test_a_candidate_is_made_again_alone_from_its_seed() -> None:
    exact = dataclasses.replace(ASK, exact=True)
    together = artifacts(ROOM, exact)
    assert [one.seed for one in together] == [5, 6, 7]
    for one in together:
        alone = dataclasses.replace(exact, n=1, sampling=dataclasses.replace(ASK.sampling, seed=one.seed))
        assert artifacts(ROOM, alone)[0].content == one.content


def test_an_artifact_says_where_it_is_from() -> None:
    one = artifacts(ROOM, ASK)[0]
    model = load(ROOM, "tiny")
    assert one.checkpoint == {"name": model.name, "sha256": model.sha256, "training_data": model.training_data}
    assert one.request["messages"] == [{"role": "user", "content": "hello"}]
    assert one.request["sampling"]["seed"] == 5
    assert (one.room, one.media_type, one.finish in ("stop", "length")) == ("text", "text/plain", True)
    assert 0 < one.num_tok <= 12
    assert one.platform["torch"]


def test_a_candidate_without_its_end_was_interrupted() -> None:
    pieces = [Piece("a", 1, 0), Piece("b", 1, 1, "stop"), Piece("c", 1, 0)]
    found = collect(ROOM, dataclasses.replace(ASK, n=3), pieces, seconds=1.0)
    assert [(one.content, one.finish) for one in found] == [("ac", "interrupted"), ("b", "stop"), ("", "interrupted")]


def test_a_model_is_loaded_once() -> None:
    first = load(ROOM, "tiny")
    assert load(ROOM, "tiny") is first
    forget()
    assert load(ROOM, "tiny") is not first


@pytest.mark.weights
@pytest.mark.usefixtures("smollm2_home")
def test_rooms_share_the_weights_they_have_in_common() -> None:
    from makar.rooms import code

    assert load(ROOM, "smollm2-135m") is load(code.ROOM, "smollm2-135m")


def test_an_unknown_model_lists_the_known() -> None:
    with pytest.raises(UnknownName, match="smollm2-135m"):
        load(ROOM, "smolm")


def test_ids_are_unique_and_sort_by_time() -> None:
    ids = [new_id() for _ in range(1000)]
    assert len(set(ids)) == 1000
    assert [one[:12] for one in ids] == sorted(one[:12] for one in ids)
    assert all(len(one) == 32 and one[12] == "7" and one[16] in "89ab" for one in ids)
