"""A streaming check must find the same in a text however much follows it, but for its hold-back; and in time."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from makar.checks import load_checks, run
from makar.verdict import Check, Subject

CHECKS = [check for check in load_checks(["personal_data", "repetition", "secrets"]) if check.streaming]
PARTS = [
    "jane.doe@gmail.com",
    "bob@example.com",
    "@",
    "a",
    "x.y.",
    "+44 20 7123 4567",
    "212-736-5000",
    "4111 1111 1111 1111",
    "4111",
    " ",
    " ",
    "\n",
    "GB82 WEST 1234 5698 7654 32",
    "FR14 2004 1010 0505 0001 3M02 606",
    "phone: ",
    "1 ",
    "12",
    "-",
    "(",
    "536-90-4399",
    "CPF: ",
    "52998224725",
    "AKIA" + "Q3EGWB7XZTPLMN5V",
    "ghp_" + "a8Kd72Jf0aLq9ZxPw3Ym5Rt7Vb1Nc4Hs6Ge2",
    "password = ",
    '"',
    "tr0ub4dor&3",
    "api_key: ",
    "k9Fj2LmQ8xZv5RtWp7Ya",
    "eyJhbGciOiJIUzI1NiJ9",
    ".",
    "eyJzdWIiOiIxMjMifQ",
    "postgres://app:s3Kx9vQz@db.io/x",
    "-----BEGIN PRIVATE KEY-----\n",
    "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n",
    "-----END PRIVATE KEY-----",
    "the cat sat ",
    "very ",
    "very " * 40,
    "ha" * 30,
    "1. again and again it goes\n",
    "哈" * 20,
    "I love you. " * 12,
    "```",
    "no\n" * 20,
    "b" * 50,
]
TEXTS = st.lists(st.sampled_from(PARTS), min_size=1, max_size=40).map("".join)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
@settings(max_examples=250, deadline=None)
@given(text=TEXTS, share=st.floats(0, 1))
def test_what_is_settled_stays_as_the_text_grows(check: Check, text: str, share: float) -> None:
    end = int(len(text) * share)
    limit = end - check.hold_back_chars
    whole = check.run(Subject(text, "text/plain")).spans
    part = check.run(Subject(text[:end], "text/plain", final=False)).spans
    assert [(span.start, span.label) for span in part if span.start < limit] == [
        (span.start, span.label) for span in whole if span.start < limit
    ]
    assert [span for span in part if span.end <= limit] == [span for span in whole if span.end <= limit]


@pytest.mark.parametrize("unit", ["a", "1 1 1 ", "@", "a@", "1-", "(1)", "07 ", "4111 ", "eyJa.", "sk-", "a_", "1. "])
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_a_hostile_megabyte_is_judged_within_the_limit(check: Check, unit: str) -> None:
    verdict = run(check, Subject((unit * 1_000_000)[:1_000_000], "text/plain"))
    assert not verdict.reason.startswith("not judged")
