"""The real checks under the built-in policies: nothing leaves that the policy forbids, however the text arrives."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from makar.checks import load_checks
from makar.review import Policy, Screen, decide, load_policy, mask
from makar.verdict import Subject

KEY = "ghp_" + "a8Kd72Jf0aLq9ZxPw3Ym5Rt7Vb1Nc4Hs6Ge2"
PLAIN = Subject("", "text/plain")
CHECKS = load_checks()
TEXTS = st.lists(
    st.sampled_from(
        [
            "jane.doe@gmail.com",
            "+44 20 7123 4567",
            "4111 1111 1111 1111",
            "GB82 WEST 1234 5698 7654 32",
            "bob@example.com",
            "The fox went over the hill to see the moon. ",
            "the ship ",
            " ",
            "\n",
            "é",
            "12",
            "@",
            "x",
            "z" * 300,
            "A line. " * 9,
        ]
    ),
    max_size=30,
).map(" ".join)


def screened(pieces: list[str], policy: Policy, template: Subject = PLAIN) -> tuple[str, Screen]:
    screen = Screen(policy, template, checks=CHECKS)
    left = [screen.push(piece) for piece in pieces]
    return "".join([*left, screen.finish()]), screen


def cut(text: str, places: list[int]) -> list[str]:
    edges = [0, *sorted(place % (len(text) + 1) for place in places), len(text)]
    return [text[a:b] for a, b in itertools.pairwise(edges)]


@settings(max_examples=80, deadline=None)
@given(TEXTS, st.booleans(), st.lists(st.integers(0, 5000), max_size=12))
def test_any_chunking_gives_the_same_and_nothing_forbidden_leaves(text: str, secret: bool, places: list[int]) -> None:
    policy = load_policy("default")
    text = text[: len(text) // 2] + f" {KEY} " + text[len(text) // 2 :] if secret else text
    whole, once = screened([text], policy)
    left, screen = screened(cut(text, places), policy)
    assert left == whole
    decision = decide(policy, screen.verdicts)
    assert decision == decide(policy, once.verdicts)
    for thing in ("jane.doe@gmail.com", "7123 4567", "1111 1111", "WEST 1234", KEY, KEY[:12]):
        assert thing not in left
    assert (screen.stopped is None) == (decision.action in ("release", "mask"))
    if screen.stopped is None:
        assert left == mask(text, screen.verdicts, policy)
    else:
        assert mask(text, screen.verdicts, policy).startswith(left)


def test_plain_text_streams_live_and_what_is_asked_of_the_whole_does_not() -> None:
    policy = load_policy("default")
    assert Screen(policy, PLAIN, checks=CHECKS).live
    for asked in ({"language": "en"}, {"json_schema": {}}):
        assert not Screen(policy, Subject("", "text/plain", asked), checks=CHECKS).live


def test_a_key_stops_the_stream_before_its_first_character() -> None:
    before = "".join(f"Chapter {n}: the {word} of {n * 37} days. " for n, word in enumerate(["sea", "sky", "ship"] * 4))
    left, screen = screened([*before, *KEY, *(" and more of it" * 40)], load_policy("default"))
    assert screen.stopped is not None and screen.stopped.check == "secrets"
    assert before.startswith(left) and len(left) > 100
    assert screen.push("more") == "" and screen.text.endswith("more")


@pytest.mark.parametrize(
    ("content", "left"),
    [
        (
            '{"mail": "line\\nbob@gmail.com", "card": 4111111111111111}',
            '{"mail": "line\\n[email removed]", "card": "[card number removed]"}',
        ),
        ('["+44 20 7123 4567\\u00e9"]', '["[phone number removed]\\u00e9"]'),
    ],
)
def test_masked_json_is_json(content: str, left: str) -> None:
    assert screened([content], load_policy("default"), Subject("", "application/json"))[0] == left


def test_masks_that_break_the_schema_are_refused() -> None:
    schema = {"type": "object", "properties": {"card": {"type": "integer"}}}
    left, screen = screened(
        ['{"card": 4111111111111111}'], load_policy("default"), Subject("", "application/json", {"json_schema": schema})
    )
    assert left == "" and decide(screen.policy, screen.verdicts).action == "refuse"
    assert screen.stopped is not None and screen.stopped.reason.startswith("after masking: $.card")
