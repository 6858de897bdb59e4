"""What the text room refuses, and how an answer is fitted into the context."""

from __future__ import annotations

import dataclasses

import pytest

from makar.codecs.chat import Message
from makar.generate.load import load
from makar.kit.errors import BadInput
from makar.methods.autoregress import Constraint, LanguageModel, Sampling
from makar.rooms.text import ROOM, TextRequest
from makar.rooms.text.request import MOST_CANDIDATES, count_tok, fit


@pytest.fixture(scope="module")
def tiny() -> LanguageModel:
    model = load(ROOM, "tiny")
    assert isinstance(model, LanguageModel)
    return model


def ask(words: str = "hello", max_tok: int = 512) -> TextRequest:
    return TextRequest((Message("user", words),), "tiny", Sampling(max_tok=max_tok))


@pytest.mark.parametrize("n", [0, -1, MOST_CANDIDATES + 1])
def test_n_out_of_range(n: int) -> None:
    with pytest.raises(BadInput, match=f"between 1 and {MOST_CANDIDATES}; got {n}"):
        dataclasses.replace(ask(), n=n)


def test_no_messages() -> None:
    with pytest.raises(BadInput, match="at least one message"):
        TextRequest((), "tiny")


def test_unknown_role() -> None:
    with pytest.raises(BadInput, match="got 'robot'"):
        TextRequest((Message("robot", "hello"),), "tiny")


def test_an_answer_is_clipped_to_the_room_there_is(tiny: LanguageModel) -> None:
    asked = ask(max_tok=tiny.context_tok)
    left_tok = tiny.context_tok - count_tok(tiny, asked.messages)
    assert fit(tiny, asked, may_clip=True).sampling.max_tok == left_tok
    fits = ask(max_tok=left_tok)
    assert fit(tiny, fits, may_clip=False) is fits


def test_a_promised_length_is_kept_or_refused_with_numbers(tiny: LanguageModel) -> None:
    prompt_tok = count_tok(tiny, ask().messages)
    left_tok = tiny.context_tok - prompt_tok
    with pytest.raises(BadInput) as caught:
        fit(tiny, ask(max_tok=left_tok + 1), may_clip=False)
    for number in (prompt_tok, left_tok + 1, tiny.context_tok, left_tok):
        assert f"{number:,}" in str(caught.value)


@pytest.mark.parametrize("may_clip", [True, False])
def test_a_prompt_longer_than_the_context(tiny: LanguageModel, may_clip: bool) -> None:
    long = ask("word " * tiny.context_tok)
    with pytest.raises(BadInput) as caught:
        fit(tiny, long, may_clip=may_clip)
    assert f"{count_tok(tiny, long.messages):,}" in str(caught.value)
    assert f"{tiny.context_tok:,}" in str(caught.value)


def test_a_prompt_that_fills_the_context_to_the_last_token(tiny: LanguageModel) -> None:
    empty_tok = count_tok(tiny, ask("a").messages)
    full = ask("a" * (tiny.context_tok - empty_tok + 1), max_tok=5)
    assert count_tok(tiny, full.messages) == tiny.context_tok
    with pytest.raises(BadInput, match="shorten the prompt by 1 token"):
        fit(tiny, full, may_clip=True)
    almost = ask("a" * (tiny.context_tok - empty_tok), max_tok=5)
    assert fit(tiny, almost, may_clip=True).sampling.max_tok == 1


def test_media_type_follows_the_form() -> None:
    schema = dataclasses.replace(ask(), constraint=Constraint("json_schema", "{}"))
    assert ROOM.media_type(schema) == "application/json"
    assert ROOM.media_type(ask()) == "text/plain"
