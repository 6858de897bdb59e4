"""`makar demo` runs through with any model: what fails honestly is shown as such, and every work is in the ledger."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from makar.apps.demo import performance
from makar.apps.demo.works import ANSWER, SCHEMA, WORKS, Stage, planted_key
from makar.cli import main
from makar.kit.errors import NoNetwork
from makar.ledger import open_ledger


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:
    """The exit code and folder of one run with random weights."""
    place = tmp_path_factory.mktemp("demo")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MAKAR_HOME", str(place / "home"))
        patch.setenv("MAKAR_DEMO_TRAIN_S", "3")
        yield main(["demo", "--model", "tiny", "-o", str(place / "shown")]), place


def test_random_weights_are_no_error(shown: tuple[int, Path]) -> None:
    code, place = shown
    text = (place / "shown" / "index.html").read_text()
    assert code == 0
    assert all(f"<h2>{request.title}</h2>" in text for request, _ in WORKS)
    assert "chain verified" in text
    assert "still being made" not in text


def test_every_work_is_in_the_ledger_and_released_ones_are_files(shown: tuple[int, Path]) -> None:
    _, place = shown
    with open_ledger(place / "home" / "ledger.db") as ledger:
        assert ledger.verify().ok
        ends = [stamp for stamp in ledger.stamps() if stamp.kind in ("release", "withheld")]
        assert len(ends) == len(WORKS)
        released = {stamp.body["work"] for stamp in ends if stamp.kind == "release"}
    records = list((place / "shown").glob("*.record.json"))
    assert {json.loads(record.read_text())["work"] for record in records} == released
    assert all(record.with_name(record.name.removesuffix(".record.json")).exists() for record in records)


def test_the_planted_key_is_nowhere_on_the_page(shown: tuple[int, Path]) -> None:
    _, place = shown
    assert re.fullmatch(r"ghp_\w{36}", planted_key())
    assert planted_key() not in (place / "shown" / "index.html").read_text()
    assert "ghp_••••••••" in (place / "shown" / "index.html").read_text()


def test_a_key_that_is_repeated_is_withheld_and_masked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from makar.apps.demo import works

    monkeypatch.setenv("MAKAR_HOME", str(tmp_path / "home"))
    text = works.makar.text

    def repeats(prompt: str, **settings: object) -> object:
        return text(prompt, choice=[prompt.rpartition("\n")[2]], **settings)

    monkeypatch.setattr(works.makar, "text", repeats)
    with open_ledger() as ledger:
        exhibit = works.leak(Stage("tiny", tmp_path, ledger))
    assert not exhibit.released
    assert any("secrets" in reason for reason in exhibit.reasons)
    assert exhibit.content == "GITHUB_TOKEN=ghp_••••••••"
    assert planted_key() not in repr(exhibit)
    assert not (tmp_path / "repeated.txt").exists()


def test_what_cannot_be_done_at_all_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                capsys: pytest.CaptureFixture[str]) -> None:
    def unreachable(stage: Stage) -> None:
        raise NoNetwork("no mirror could be reached")

    monkeypatch.setenv("MAKAR_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(performance, "works", lambda model: ((replace(ANSWER), unreachable),))
    assert main(["demo", "--model", "tiny", "-o", str(tmp_path / "shown")]) == 2
    assert "makar: no mirror could be reached\n" in capsys.readouterr().err
    (tmp_path / "file").write_text("kept")
    assert main(["demo", "--model", "tiny", "-o", str(tmp_path / "file")]) == 2
    assert (tmp_path / "file").read_text() == "kept"


def test_the_schema_is_one_that_can_be_enforced() -> None:
    import jsonschema

    jsonschema.Draft202012Validator.check_schema(SCHEMA)
