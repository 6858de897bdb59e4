"""tests_pass: runs what was asked for, and counts tests, not exit codes."""

from __future__ import annotations

from typing import Any

import pytest

from makar.checks import applicable, run
from makar.checks.tests_pass import CHECK
from makar.verdict import Subject, Verdict

ADD = "def add(a, b):\n    return a + b\n"


def judge(content: str, tests: Any) -> Verdict:
    return run(CHECK, Subject(content, "text/x-python", {"tests": tests}))


@pytest.mark.parametrize("tests", [
    "from adder import add\n\ndef test_add():\n    assert add(1, 2) == 3\n",
    "import adder.core as c\n\nclass TestAdd:\n    def test_add(self):\n        assert c.add(1, 2) == 3\n",
    '"""Doc."""\nfrom __future__ import annotations\n\ndef test_add():\n    assert add(1, 2) == 3\n',
    "assert add(1, 2) == 3\n",
    "import unittest\nfrom adder import add\n\nclass Add(unittest.TestCase):\n    def test(self):\n"
    "        self.assertEqual(add(1, 2), 3)\n",
    "import pytest\nfrom solution import add\n\n@pytest.mark.parametrize('x', [1, 2])\ndef test_add(x):\n"
    "    assert add(x, 0) == x\n",
])
def test_tests_of_any_form_find_the_code(tests: str) -> None:
    verdict = judge(ADD, tests)
    assert verdict.passed, verdict.reason
    assert verdict.score == 1.0 and "passed" in verdict.reason


def test_a_failing_test_is_named_with_its_reason() -> None:
    verdict = judge(ADD, "def test_good():\n    assert add(1, 2) == 3\n\ndef test_bad():\n    assert add(1, 2) == 4\n")
    assert not verdict.passed and verdict.score == 0.5
    assert "test_bad" in verdict.reason and "assert 3 == 4" in verdict.reason


@pytest.mark.parametrize(("content", "words"), [
    ("import os\nos._exit(0)\n", "ended early"),
    ("raise SystemExit(0)\n", "no test ran"),
    ("while True: pass\n", "did not end"),
    ("def add(a, b:\n", "SyntaxError"),
    ("def other(): ...\n", "failed"),
])
def test_code_that_does_not_reach_its_tests_fails(content: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from makar.kit.sandbox import testing

    monkeypatch.setattr("makar.kit.sandbox.testing.run_tests.__defaults__", (testing.Limits(wall_s=8.0),))
    verdict = judge(content, "from solution import add\n\ndef test_add():\n    assert add(1, 2) == 3\n")
    assert not verdict.passed and words in verdict.reason, verdict.reason


def test_no_tests_is_no_pass() -> None:
    verdict = judge(ADD, "import solution\n\nclass TestNothing:\n    pass\n")
    assert not verdict.passed and "no test ran" in verdict.reason


def test_content_that_is_itself_the_tests() -> None:
    asked = {"files": {"pkg/__init__.py": "", "pkg/adder.py": ADD}, "content_path": "test_adder.py",
             "run": ["test_adder.py"]}
    assert judge("from pkg.adder import add\n\ndef test_add():\n    assert add(1, 1) == 2\n", asked).passed
    assert not judge("from pkg.adder import add\n\ndef test_add():\n    assert add(1, 1) == 3\n", asked).passed


def test_a_path_that_leaves_the_folder_is_a_failed_verdict() -> None:
    verdict = judge(ADD, {"files": {}, "content_path": "../x.py", "run": ["../x.py"]})
    assert not verdict.passed and "inside its folder" in verdict.reason


def test_only_code_with_tests_asked_is_judged() -> None:
    assert not applicable(CHECK, Subject(ADD, "text/x-python"))
    assert not applicable(CHECK, Subject("prose", "text/plain", {"tests": "assert 1"}))
    assert applicable(CHECK, Subject(ADD, "text/x-python", {"tests": "assert 1"}))
