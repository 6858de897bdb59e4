"""A release stands on its request, artifact, verdicts and decision, or verify says that it does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from makar.ledger import Report, open_ledger

DECISION = {"work": "w", "artifact": "@1", "verdicts": "@2", "action": "release", "content": "c"}
RELEASE = {"work": "w", "request": "@0", "artifact": "@1", "verdicts": "@2", "decision": "@3", "content": "c"}
WITHHELD = {**RELEASE, "content": None}


def report(path: Path, kind: str, body: dict[str, Any], **decision: Any) -> Report:
    with open_ledger(path) as ledger:
        ledger.append_all([("request", {}), ("artifact", {"work": "w", "request": "@0"}),
                           ("verdicts", {"work": "w", "artifact": "@1"}), ("decision", {**DECISION, **decision}),
                           (kind, body)])
        return ledger.verify()


@pytest.mark.parametrize("action", ["release", "mask"])
def test_a_release_that_stands(tmp_path, action):
    assert report(tmp_path / "l.db", "release", RELEASE, action=action).ok


@pytest.mark.parametrize("action", ["hold", "refuse"])
def test_a_withholding_that_stands(tmp_path, action):
    assert report(tmp_path / "l.db", "withheld", WITHHELD, action=action, content=None).ok


@pytest.mark.parametrize("missing", ["request", "artifact", "verdicts", "decision"])
@pytest.mark.parametrize("instead", [None, "0" * 64, "@0", 5])
def test_a_release_without_what_must_come_before(tmp_path, missing, instead):
    body = {**RELEASE, missing: "@1" if (missing, instead) == ("request", "@0") else instead}
    assert f"stamp 5 (release) has no {missing} stamp before it" in report(tmp_path / "l.db", "release", body).problems


@pytest.mark.parametrize(("kind", "decision", "problem"), [
    ("release", {"action": "hold"}, "goes against its decision, which says hold"),
    ("release", {"action": "refuse"}, "goes against its decision, which says refuse"),
    ("release", {"content": "d"}, "let out another content than its decision names"),
    ("release", {"work": "v"}, "names a decision about something else"),
    ("withheld", {"action": "release"}, "goes against its decision, which says release"),
])
def test_a_release_against_its_decision(tmp_path, kind, decision, problem):
    assert report(tmp_path / "l.db", kind, RELEASE, **decision).problems == (f"stamp 5 ({kind}) {problem}",)
