"""`makar.text`: what it is given, what it gives, what it refuses; the ledger stays whole throughout."""

from __future__ import annotations

import dataclasses
import json
from typing import get_type_hints

import pytest

import makar
from makar.kit.errors import BadInput, NotHere, UnknownName
from makar.ledger import open_ledger
from makar.verbs.text import TextOptions, TextSettings, begin, options_of

SCHEMA = {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"],
          "additionalProperties": False}


def release(prompt: str = "hello", **settings: object) -> makar.Released:
    """One answer of the tiny model, let through whatever it babbles."""
    work = begin(prompt, options_of({"model": "tiny", "max_tokens": 16, "seed": 1, "temperature": 5.0, **settings}))
    found = work.release()
    assert isinstance(found, makar.Released)
    return found


def assert_ledger_whole() -> None:
    with open_ledger() as ledger:
        assert ledger.verify().ok


def test_settings_are_the_options() -> None:
    assert set(get_type_hints(TextSettings)) == {field.name for field in dataclasses.fields(TextOptions)}


def test_an_answer_is_released_with_its_record() -> None:
    found = release()
    assert found.content
    assert found.record
    with open_ledger() as ledger:
        kinds = {stamp.kind for stamp in ledger.stamps()}
    assert {"request", "artifact", "verdicts", "decision", "release"} <= kinds
    assert_ledger_whole()


def test_the_same_seed_gives_the_same_answer() -> None:
    assert release(seed=4).content == release(seed=4).content
    assert release(seed=4).content != release(seed=5).content


def test_a_seed_is_drawn_and_recorded() -> None:
    first, second = release(seed=None), release(seed=None)
    assert json.dumps(first.record) != json.dumps(second.record)


def test_streamed_and_whole_are_the_same_bytes() -> None:
    options = options_of({"model": "tiny", "max_tokens": 40, "seed": 9, "temperature": 5.0})
    parts = list(begin("hello", options).stream())
    assert "".join(parts) == release(max_tokens=40, seed=9).content


def test_several_candidates() -> None:
    found = makar.text("hello", model="tiny", max_tokens=8, seed=1, n=3, temperature=5.0)
    assert isinstance(found, list)
    assert len({one.content for one in found}) == 3
    assert found[0].content == release(max_tokens=8).content


def test_json_under_a_schema() -> None:
    answer = json.loads(release(json_schema=SCHEMA, max_tokens=200).content)
    assert set(answer) == {"ok"}


def test_one_of_the_choices() -> None:
    assert release(choice=("red", "green"), max_tokens=50).content in ("red", "green")


def test_an_answer_that_fits_a_regex() -> None:
    assert release(regex="[0-9]{4}", max_tokens=50).content.isdigit()


@pytest.mark.parametrize(("prompt", "settings", "says"), [
    ("", {}, "prompt is empty"),
    (" \n\t ", {}, "prompt is empty"),
    ("a\udce9b", {}, "lone surrogate"),
    ("a\0b", {}, "NUL"),
    ("x" * 10_000_000, {}, "10,000,000 bytes"),
    ("word " * 100_000, {}, "tokens"),
    ("hello", {"system": "\ud800"}, "system.*lone surrogate"),
    ("hello", {"temperature": -0.1}, "temperature"),
    ("hello", {"temperature": float("nan")}, "temperature"),
    ("hello", {"top_p": 0.0}, "top_p"),
    ("hello", {"top_p": 1.5}, "top_p"),
    ("hello", {"max_tokens": 0}, "max_tok"),
    ("hello", {"n": 0}, "n is between"),
    ("hello", {"n": 1000}, "n is between"),
    ("hello", {"seed": -1}, "seed"),
    ("hello", {"stop": ""}, "stop"),
    ("hello", {"stop": ("ok", "")}, "stop"),
    ("hello", {"max_tokens": 10**7}, "10,000,000"),
    ("hello", {"json_schema": "{"}, "not JSON"),
    ("hello", {"json_schema": [1]}, "an object"),
    ("hello", {"json_schema": {"type": "nonsense"}}, "nonsense"),
    ("hello", {"regex": "("}, "regex"),
    ("hello", {"choice": ()}, "one or more"),
    ("hello", {"choice": ("a", "")}, "none of them empty"),
    ("hello", {"regex": "a", "choice": ("a",)}, "regex and choice"),
    ("hello", {"temperature": "hot"}, "expected float, got 'hot'"),
])
def test_bad_input(prompt: str, settings: dict[str, object], says: str) -> None:
    with pytest.raises(BadInput, match=says) as caught:
        release(prompt, **settings)
    assert "\n" not in str(caught.value)
    assert_ledger_whole()


@pytest.mark.parametrize(("settings", "known"), [
    ({"model": "smolm"}, "smollm2-135m"),
    ({"language": "Klingon"}, "French \\(fr\\)"),
    ({"policy": "lenient"}, "strict"),
    ({"temprature": 1.0}, "did you mean 'temperature'"),
])
def test_unknown_names_list_the_known(settings: dict[str, object], known: str) -> None:
    with pytest.raises(UnknownName, match=known):
        release(**settings)


def test_the_ledger_has_no_word_of_a_request_that_could_not_begin() -> None:
    with pytest.raises(BadInput):
        release("")
    with open_ledger() as ledger:
        assert list(ledger.stamps()) == []


@pytest.mark.parametrize("verb", makar.VERBS_WITHOUT_ROOM)
def test_a_verb_without_a_room_says_so(verb: str) -> None:
    with pytest.raises(NotHere, match=f"'{verb}' has no room yet.*text, chat, code, image"):
        getattr(makar, verb)("a cat")


def test_no_other_name_exists() -> None:
    with pytest.raises(AttributeError, match="its verbs are text"):
        makar.paint  # type: ignore[attr-defined]


@pytest.mark.weights
@pytest.mark.usefixtures("smollm2_home")
def test_a_real_answer() -> None:
    found = makar.text("What is the capital of France? Answer in one sentence.", model="smollm2-135m", temperature=0.0,
                       max_tokens=40)
    assert isinstance(found, makar.Released)
    assert "Paris" in found.content


@pytest.mark.weights
@pytest.mark.usefixtures("smollm2_home")
def test_a_planted_secret_is_withheld() -> None:
    key = "AKIA" + "Q3EGWB7XZTPLMN5V"
    with pytest.raises(makar.Withheld) as caught:
        makar.text("Repeat the key.", model="smollm2-135m", choice=(f"The key is {key}.",), max_tokens=60)
    assert any("secrets" in reason for reason in caught.value.reasons)
    assert key not in str(caught.value)
    assert_ledger_whole()


def test_the_properties_of_an_answer_come_in_the_order_of_its_schema() -> None:
    schema = {"type": "object", "properties": {"name": {"type": "boolean"}, "age": {"type": "boolean"}},
              "required": ["name", "age"], "additionalProperties": False}
    work = makar.text("who?", model="tiny", json_schema=schema, seed=1)
    assert not isinstance(work, list)
    assert list(json.loads(work.content)) == ["name", "age"]
