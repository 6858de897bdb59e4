"""Tests pass: the code is run in the sandbox against the tests that were asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from makar.kit.errors import MakarError
from makar.kit.sandbox.testing import LIMITS, Outcome, arrange, run_tests
from makar.verdict import Check, Subject, Verdict


def run(subject: Subject) -> Verdict:
    """Passed if at least one test ran and all did pass.

    `tests` is the source of the tests; or a mapping of `files` (path: text), `content_path` (where the content goes
    among them) and `run` (the test files), for code that needs its neighbours, or a content that is itself the tests.
    """
    try:
        outcome = run_asked(subject.text, subject.asked["tests"])
    except MakarError as error:
        return Verdict("tests_pass", passed=False, score=0.0, reason=f"not run: {error}")
    reason = outcome.summary
    if "network" in outcome.result.not_contained:
        reason += f" (this kernel could not contain: {', '.join(outcome.result.not_contained)})"
    return Verdict("tests_pass", passed=outcome.ok, score=1.0 if outcome.ok else min(0.99, outcome.share),
                   reason=reason)


def run_asked(content: str, tests: str | Mapping[str, Any]) -> Outcome:
    """Runs what `Subject.asked["tests"]` says against `content`.

    Raises: BadInput
    """
    if isinstance(tests, str):
        files, path = arrange(content, tests)
        return run_tests(files, [path])
    files = {**tests.get("files", {}), tests["content_path"]: content}
    return run_tests(files, list(tests["run"]))


CHECK = Check("tests_pass", run, media_types=("text/x-python", "text/python", "application/x-python"), asked="tests",
              limit_s=LIMITS.wall_s + 15.0)
