"""`makar train`: what is shown while it runs, where the model is, and every way to go on with the wrong run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from makar.cli import main

TINY = ["--set", "schedule.num_steps=4", "--set", "watch.validate_steps=2", "--set", "watch.sample_steps=4"]


def refuse(capfd: pytest.CaptureFixture[str], *words: str) -> str:
    """The one line of a command that does not run."""
    assert main(["train", *words]) == 2
    said = capfd.readouterr()
    assert said.out == ""
    assert re.fullmatch("makar: [^\n]+\n", said.err), said.err
    return said.err


@pytest.fixture
def run(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Path:
    """A run of the smallest recipe, done."""
    out = tmp_path / "run"
    assert main(["train", "text/tiny", *TINY, "-o", str(out)]) == 0
    return out


def test_what_is_shown_and_where_the_model_is(run: Path, capfd: pytest.CaptureFixture[str]) -> None:
    said = capfd.readouterr()
    folder = Path(said.out.strip())
    assert folder.parent == run / "checkpoints"
    assert (folder / "card.md").is_file()
    shown = re.findall(r"^step (\d)/4  loss (\S+)(  held out)?", said.err, re.MULTILINE)
    assert [(step, bool(looked)) for step, _, looked in shown] == [("1", False), ("2", True), ("4", True)]
    assert f"makar models add {folder} --name NAME" in said.err


def test_another_recipes_run_is_named(run: Path, capfd: pytest.CaptureFixture[str]) -> None:
    capfd.readouterr()
    for recipe in ("image/tiny", "image/avatars_cpu", "text/prose"):
        assert f"is of text/tiny, not of {recipe}" in refuse(capfd, recipe, "--resume", "-o", str(run))


def test_a_run_that_goes_on_keeps_what_it_began_with(run: Path, tmp_path: Path,
                                                      capfd: pytest.CaptureFixture[str]) -> None:
    capfd.readouterr()
    again = ["text/tiny", "--resume", "-o", str(run)]
    assert "keeps its settings" in refuse(capfd, *again, "--set", "size=2")
    assert "keeps its data" in refuse(capfd, *again, "--data", str(tmp_path))
    assert "is over: it has its 4 steps" in refuse(capfd, *again)
    assert "there is no run in" in refuse(capfd, "text/tiny", "--resume", "-o", str(tmp_path / "none"))
    (run / "run.json").write_text("{}")
    assert "cannot be read" in refuse(capfd, *again)
