"""code_parses: by media type, with line and column, and completions judged in their file."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from makar.checks.code_parses import CHECK
from makar.verdict import Subject, Verdict


def judge(content: str, media_type: str = "text/x-python", **asked: str) -> Verdict:
    return CHECK.run(Subject(content, media_type, asked))


@pytest.mark.parametrize(("content", "media_type"), [
    ("x = 1\n", "text/x-python"), ("", "text/x-python"), ("def f():\r\n    return 'é'\r\n", "text/x-python"),
    ("x = '\\d'\n", "text/x-python"), ('{"a": [1, null]}', "application/json"), ("[a]\nb = 1\n", "application/toml"),
])
def test_what_parses_passes(content: str, media_type: str) -> None:
    verdict = judge(content, media_type)
    assert verdict.passed and verdict.score == 1.0 and verdict.spans == ()


@pytest.mark.parametrize(("content", "media_type", "place"), [
    ("x = 1\ny = = 2\n", "text/x-python", "line 2, column 5"),
    ("def f(:\n", "text/x-python", "line 1, column 7"),
    ('{"a": 1,}', "application/json", "line 1, column 9"),
    ("a = 1\nb = \n", "application/toml", "line 2, column 5"),
    ("x = 1\r\ny = = 2\r\n", "text/x-python", "line 2, column 5"),
])
def test_what_does_not_parse_is_placed(content: str, media_type: str, place: str) -> None:
    verdict = judge(content, media_type)
    assert not verdict.passed and place in verdict.reason
    assert 0 <= verdict.score < 1


def test_the_span_is_where_the_reason_says() -> None:
    content = "x = 1\ny = = 2\nz = 3\n"
    verdict = judge(content)
    assert content[verdict.spans[0].start:verdict.spans[0].end] == "= 2"


@pytest.mark.parametrize("content", ["x = '\0'", "(" * 100_000, "x = '\ud800'", "\ufeff" * 3])
def test_odd_input_gets_a_verdict(content: str) -> None:
    assert not judge(content).passed


def test_a_completion_is_judged_in_its_file() -> None:
    assert judge("x + 1", prefix="def f(x):\n    return ", suffix="\n").passed
    assert judge("in (1, 2):", prefix="for x ", suffix="\n    print(x)\n").passed
    verdict = judge("x +", prefix="def f(x):\n    return ", suffix="\n")
    assert not verdict.passed and "line 2" in verdict.reason


def test_a_file_broken_elsewhere_does_not_condemn_a_completion() -> None:
    verdict = judge("x + 1", prefix="def f(x):\n    return ", suffix="\n\nbroken = = 1\n")
    assert verdict.passed and verdict.score < 1 and "not judged" in verdict.reason


@given(st.text(max_size=60))
def test_every_text_gets_a_verdict_with_spans_inside(content: str) -> None:
    for media_type in ("text/x-python", "application/json", "application/toml"):
        verdict = judge(content, media_type)
        assert all(0 <= span.start <= span.end <= len(content) for span in verdict.spans)
