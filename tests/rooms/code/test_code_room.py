"""What the code room makes of a request: its words, the beginning of the answer, its end, and its limits."""

from __future__ import annotations

import dataclasses

import pytest

from makar.generate.load import load
from makar.generate.make import artifacts
from makar.kit.errors import BadInput
from makar.methods.autoregress import Sampling
from makar.rooms.code import ROOM, CodeRequest
from makar.rooms.code.prompt import FENCE, prompt
from makar.rooms.code.request import TASKS
from makar.rooms.code.sample import fit, gap_tokens

SAMPLING = Sampling(max_tok=24, temperature=0.9, seed=5)


def ask(task: str, **parts: str) -> CodeRequest:
    return CodeRequest(task, "tiny", SAMPLING, **parts)  # type: ignore[arg-type]


@pytest.mark.parametrize(("task", "media_type"), [
    ("write", "text/x-python"), ("complete", "text/x-python"), ("explain", "text/markdown"), ("fix", "text/x-python"),
    ("test", "text/x-python"), ("doc", "text/plain"),
])
def test_every_task_is_answered_in_its_media_type(task: str, media_type: str) -> None:
    made = artifacts(ROOM, ask(task, source="def f(): ...", instruction="f", prefix="def f():\n    "))
    assert made[0].media_type == media_type
    assert made[0].num_tok > 0


def test_the_prompt_holds_all_that_was_given() -> None:
    words = prompt(ask("write", instruction="INSTRUCT", tests="TESTS", source="SOURCE", error="ERROR")).words
    assert all(part in words for part in ("INSTRUCT", "TESTS", "SOURCE", "ERROR"))
    words = prompt(ask("fix", source="SOURCE", error="ERROR", tests="TESTS")).words
    assert all(part in words for part in ("SOURCE", "ERROR", "TESTS"))


def test_code_answers_begin_inside_a_fence_and_end_at_it() -> None:
    for task in ("write", "fix", "test"):
        made = prompt(ask(task, source="x", instruction="x", prefix="import y\n"))
        assert made.opening == f"{FENCE}import y\n" and made.stop == ("\n```",)
    assert prompt(ask("explain", source="x")).opening == ""


@pytest.mark.parametrize(("task", "parts", "words"), [
    ("paint", {}, "one of write, complete"), ("write", {}, "needs .instruction"),
    ("fix", {"source": " "}, "needs .source"),
])
def test_requests_that_cannot_be(task: str, parts: dict[str, str], words: str) -> None:
    with pytest.raises(BadInput, match=words):
        ask(task, **parts)


def test_tasks_are_all_there() -> None:
    assert TASKS == ("write", "complete", "explain", "fix", "test", "doc")


def test_an_answer_is_clipped_only_where_it_may_be() -> None:
    model = load(ROOM, "tiny")
    request = dataclasses.replace(ask("explain", source="x = 1\n" * 200),
                                  sampling=dataclasses.replace(SAMPLING, max_tok=1024))
    fitted = fit(model, request, may_clip=True)
    assert 64 <= fitted.sampling.max_tok < 1024
    with pytest.raises(BadInput, match=r"up to 1,024.*2,048"):
        fit(model, request, may_clip=False)
    with pytest.raises(BadInput, match="2,048"):
        fit(model, ask("explain", source="x = 1\n" * 1000), may_clip=True)


def test_a_gap_in_a_long_file_keeps_what_is_nearest() -> None:
    model = load(ROOM, "tiny")
    request = ask("complete", prefix="old = 1\n" * 5000 + "near_before = ", suffix="\nnear_after" + "\nfar = 1" * 5000)
    ids = gap_tokens(model, request)
    text = model.tokenizer.decode(ids)
    assert len(ids) + SAMPLING.max_tok <= model.context_tok
    assert "near_before = " in text and "near_after" in text
    assert ids[0] == model.fim.prefix and ids[-1] == model.fim.middle
