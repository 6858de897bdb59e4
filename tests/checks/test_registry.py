from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from makar.checks import applicable, check_names, load_checks, run
from makar.kit.errors import UnknownName
from makar.verdict import Check, Span, Subject, Verdict

TEXT = Subject("some words", "text/plain")


def test_every_file_is_a_check_of_its_name() -> None:
    assert {"personal_data", "secrets", "repetition", "language", "json_schema"} <= set(check_names())
    assert [check.name for check in load_checks()] == check_names()


def test_an_unknown_name_lists_the_known() -> None:
    with pytest.raises(UnknownName, match=r"unknown check 'secret'; did you mean 'secrets'\?.*personal_data"):
        load_checks(["secret"])


def test_applicable_by_media_type_and_what_was_asked() -> None:
    check = Check("c", lambda _: Verdict("c", True, 1.0, ""), ("text/x-python",), asked="tests")
    assert applicable(check, Subject("", "text/x-python", {"tests": "def test(): ..."}))
    assert not applicable(check, Subject("", "text/x-python"))
    assert not applicable(check, Subject("", "text/x-python", {"tests": None}))
    assert not applicable(check, Subject("", "text/plain", {"tests": "x"}))


def test_a_verdict_carries_the_time_it_took() -> None:
    def look(subject: Subject) -> Verdict:
        time.sleep(0.02)
        return Verdict("c", True, 1.0, "fine")

    verdict = run(Check("c", look), TEXT)
    assert verdict.passed and verdict.reason == "fine" and verdict.ms >= 20


@pytest.mark.parametrize(
    ("look", "said"),
    [
        (lambda _: 1 / 0, "ZeroDivisionError"),
        (lambda _: exec("raise SystemExit(3)"), "SystemExit: 3"),
        (lambda _: True, "returned bool instead of a Verdict"),
        (lambda _: Verdict("other", True, 1.0, ""), "a verdict of 'other'"),
        (lambda _: Verdict("c", False, 0.0, "", (Span(3, 99, "x"),)), "spans outside the content"),
    ],
)
def test_what_goes_wrong_in_a_check_is_a_failed_verdict(look: Callable[[Subject], Verdict], said: str) -> None:
    verdict = run(Check("c", look), TEXT)
    assert (verdict.check, verdict.passed, verdict.score, verdict.spans) == ("c", False, 0.0, ())
    assert verdict.reason.startswith("not judged") and said in verdict.reason


def test_a_check_over_its_time_has_not_passed_and_is_stopped() -> None:
    ended = threading.Event()

    def spin(subject: Subject) -> Verdict:
        try:
            while True:
                time.sleep(0.001)
        finally:
            ended.set()

    verdict = run(Check("c", spin, limit_s=0.05), TEXT)
    assert not verdict.passed and verdict.reason == "not judged: the check did not finish within 0.05 s"
    assert ended.wait(10)


def test_what_the_users_own_file_held_is_no_finding_in_its_new_version() -> None:
    [check] = load_checks(["personal_data"])
    old = "# by ann.lee@corp.com\nx = 1\n"
    kept = run(check, Subject(old, "text/x-python", {"given": old}))
    assert kept.passed and "stood in the file" in kept.reason
    added = run(check, Subject(old + "# and bob.ray@corp.com\n", "text/x-python", {"given": old}))
    assert not added.passed
    assert [added.spans[0].start] == [(old + "# and bob.ray@corp.com\n").index("bob.ray")] and len(added.spans) == 1
    assert not run(check, Subject(old, "text/x-python")).passed
