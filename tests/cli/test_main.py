"""The door: help without weight, one line for every mistake, the right exit code."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

import makar
from makar.cli import main

Command = Callable[..., "subprocess.CompletedProcess[bytes]"]
ROOT = Path(__file__).resolve().parents[2]


def line_of(capsys: pytest.CaptureFixture[str], words: list[str], code: int = 2) -> str:
    """The one line that a refused command says."""
    assert main(words) == code
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("makar: ")
    assert said.err.count("\n") == 1
    return said.err


def test_version_is_the_packages() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert makar.__version__ == project["version"]


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["--version"])
    assert stop.value.code == 0
    assert capsys.readouterr().out == f"makar {makar.__version__}\n"


@pytest.mark.parametrize("verb", makar.VERBS_WITHOUT_ROOM)
def test_verbs_without_a_room(capsys: pytest.CaptureFixture[str], verb: str) -> None:
    assert f"'{verb}' has no room yet" in line_of(capsys, [verb, "a cat"])


def test_an_unknown_command_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    said = line_of(capsys, ["txet", "hello"])
    assert "did you mean 'text'?" in said
    assert "check" in said


@pytest.mark.parametrize(("words", "says"), [
    (["--bogus"], "--bogus"),
    (["text", "--bogus", "hi"], "--bogus"),
    (["text", "hi", "--n", "two"], "--n"),
    (["check"], "FILE"),
])
def test_wrong_options(capsys: pytest.CaptureFixture[str], words: list[str], says: str) -> None:
    said = line_of(capsys, words)
    assert says in said
    assert "--help" in said


def test_nothing_asked_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert "usage: makar" in capsys.readouterr().out


def test_a_reader_that_leaves_ends_the_command_quietly(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import sys; from makar.cli import main; sys.exit(main(['check', '-', '--json']))"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          cwd=tmp_path) as process:
        assert process.stdin and process.stdout and process.stderr
        process.stdout.close()
        process.stdin.write(b"A clean sentence about a kettle in a kitchen.")
        process.stdin.close()
        said = process.stderr.read()
    assert (process.returncode, said) == (141, b"")


def test_a_full_disk_behind_standard_output(makar_command: Command, tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("A clean sentence about a kettle in a kitchen.\n")
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run([sys.executable, "-m", "makar.cli", "check", str(text)], stdout=full,
                              stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, check=False)
    assert done.returncode == 2
    assert done.stderr.decode().startswith("makar: the disk is full")
    assert done.stderr.count(b"\n") == 1


def test_a_terminal_that_shows_only_ascii(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-m", "makar.cli", "txté"], capture_output=True, check=False, cwd=tmp_path,
                          env={"PATH": "/usr/bin:/bin", "PYTHONIOENCODING": "ascii", "PYTHONPATH": ":".join(sys.path)})
    assert done.returncode == 2
    assert b"unknown command 'txt\\xe9'" in done.stderr
