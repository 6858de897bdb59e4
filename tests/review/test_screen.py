from __future__ import annotations

import itertools
import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from makar.review import Policy, Screen, decide, mask
from makar.verdict import Check, Span, Subject, Verdict


def finder(name: str, pattern: str, hold_back_chars: int, *, streaming: bool = True) -> Check:
    def look(subject: Subject) -> Verdict:
        spans = tuple(Span(m.start(), m.end(), name) for m in re.finditer(pattern, subject.content))
        return Verdict(name, not spans, 0.0 if spans else 1.0, f"{len(spans)} found", spans)
    return Check(name, look, ("text/", "application/"), streaming=streaming, hold_back_chars=hold_back_chars)


NUMBER = finder("number", r"(?<![0-9])[0-9]{4}(?![0-9])", 5)
BOMB = finder("bomb", r"bo+m", 12)  # up to nine o's in these tests
POLICY = Policy("test", {"number": "mask", "bomb": "refuse"})
PLAIN = Subject("", "text/plain")


def screened(pieces: list[str], policy: Policy = POLICY, checks: tuple[Check, ...] = (NUMBER, BOMB),
             template: Subject = PLAIN) -> tuple[str, Screen]:
    screen = Screen(policy, template, window_chars=16, checks=checks)
    left = [screen.push(piece) for piece in pieces]
    return "".join([*left, screen.finish()]), screen


def cut(text: str, places: list[int]) -> list[str]:
    edges = [0, *sorted(place % (len(text) + 1) for place in places), len(text)]
    return [text[a:b] for a, b in itertools.pairwise(edges)]


TEXTS = st.lists(st.sampled_from(["1", "12", "1234 ", "bom", "bo", "boom ", " ", "x", "plain words ", "é", "\n"]),
                 max_size=60).map("".join)


@settings(max_examples=300, deadline=None)
@given(TEXTS, st.lists(st.integers(0, 1000), max_size=20))
def test_any_chunking_gives_what_one_push_gives(text: str, places: list[int]) -> None:
    whole, once = screened([text])
    pieces, many = screened(cut(text, places))
    assert pieces == whole
    assert many.text == once.text == text
    assert (many.stopped is None) == (once.stopped is None)
    assert decide(POLICY, many.verdicts) == decide(POLICY, once.verdicts)


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_what_leaves_is_the_masked_text_up_to_a_refusal(text: str) -> None:
    left, screen = screened([text])
    masked = mask(text, [NUMBER.run(Subject(text, "text/plain"))], POLICY)
    bomb = re.search(r"bo+m", text)
    assert (screen.stopped is not None) == (bomb is not None)
    assert decide(POLICY, screen.verdicts).action == ("refuse" if bomb else "mask" if masked != text else "release")
    assert left == masked if bomb is None else masked.startswith(left)
    if bomb is not None:
        before = mask(text[:bomb.start()], [NUMBER.run(Subject(text[:bomb.start()], "text/plain"))], POLICY)
        assert len(left) <= len(before)
    assert not re.search(r"bo+m", left)


def test_text_streams_before_its_end() -> None:
    screen = Screen(POLICY, PLAIN, window_chars=16, checks=(NUMBER, BOMB))
    assert screen.live
    assert screen.push("plain words " * 20).startswith("plain words plain")


def test_a_span_over_a_window_border_is_masked_once() -> None:
    left, _ = screened(["x" * 13 + " 1234 and more words after it to fill windows"])
    assert left == "x" * 13 + " [number removed] and more words after it to fill windows"


def test_a_whole_text_check_holds_everything_back() -> None:
    late = finder("late", "zzz", 0, streaming=False)
    screen = Screen(Policy("p", {"late": "hold"}), PLAIN, window_chars=8, checks=(late,))
    assert not screen.live
    assert screen.push("a" * 500) == ""
    assert screen.finish() == "a" * 500


def test_a_whole_text_check_that_is_only_noted_does_not() -> None:
    late = finder("late", "a", 0, streaming=False)
    screen = Screen(Policy("p", {"late": "release"}), PLAIN, window_chars=8, checks=(late,))
    assert screen.push("a" * 80) == "a" * 80
    assert screen.finish() == ""
    assert [verdict.passed for verdict in screen.verdicts] == [False]


def test_a_finding_that_comes_too_late_to_mask_stops() -> None:
    liar = finder("liar", "a{40}", 0)
    left, screen = screened(["a" * 100], Policy("p", {"liar": "mask"}), (liar,))
    assert left == "a" * 32
    assert screen.stopped is not None and "too late" in screen.stopped.reason
    assert decide(screen.policy, screen.verdicts).action == "hold"


@pytest.mark.parametrize("action", ["mask", "hold", "refuse"])
def test_a_crashing_check_lets_nothing_leave(action: str) -> None:
    def crash(subject: Subject) -> Verdict:
        raise ZeroDivisionError("oops")
    left, screen = screened(["words " * 50], Policy("p", {"crash": action}), (Check("crash", crash, streaming=True),))
    assert left == ""
    assert decide(screen.policy, screen.verdicts).action == ("hold" if action == "mask" else action)
    assert "ZeroDivisionError: oops" in screen.verdicts[0].reason


def test_json_stays_json_under_masks() -> None:
    text = json.dumps({"a": "tel\n1234\té", "b": 1234, "c": [-1234.5, "1234\\"]})
    left, screen = screened([text], template=Subject("", "application/json"))
    assert not screen.live
    assert json.loads(left) == {"a": "tel\n[number removed]\té", "b": "[number removed]",
                                "c": ["[number removed]", "[number removed]\\"]}


def test_masks_that_break_a_schema_are_held() -> None:
    def is_number(subject: Subject) -> Verdict:
        good = isinstance(json.loads(subject.content), int)
        return Verdict("schema", good, float(good), "a number" if good else "no number")
    policy = Policy("p", {"number": "mask", "schema": "refuse"})
    left, screen = screened(["1234"], policy, (NUMBER, Check("schema", is_number, media_types=("application/",))),
                            Subject("", "application/json"))
    assert left == ""
    assert screen.stopped is not None and screen.stopped.reason == "after masking: no number"
    assert decide(policy, screen.verdicts).action == "refuse"
