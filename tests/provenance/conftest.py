"""A stage for works: see parrot_stage."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from parrot_stage import CHECKS, Stage

from makar.ledger import open_ledger
from makar.review import screen


@pytest.fixture(autouse=True)
def checks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the checks of these tests, on marked words."""
    monkeypatch.setattr(screen, "load_checks", lambda: CHECKS)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """A stage whose every test must leave a ledger that verifies."""
    with open_ledger(tmp_path / "ledger.db") as ledger:
        yield Stage(ledger)
        report = ledger.verify()
        assert report.ok, report.problems


@pytest.fixture
def live_stage(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """A stage without checks that hold all to the end, so that text streams."""
    monkeypatch.setattr(screen, "load_checks", lambda: [check for check in CHECKS if check.streaming])
    return stage
