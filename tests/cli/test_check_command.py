"""`makar check`: a table, or JSON, and an exit code that scripts can use."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from makar.cli import main

Command = Callable[..., "subprocess.CompletedProcess[bytes]"]
CLEAN = "The kettle sings in the small kitchen, and rain falls on the slate roof.\n"


def test_all_pass(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "clean.txt"
    file.write_text(CLEAN)
    assert main(["check", str(file)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) >= 3
    assert all(line.startswith("pass  ") for line in lines)


def test_one_fails(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "mail.txt"
    file.write_text("Write to jane.doe@brightkettle.co.uk today.\n")
    assert main(["check", str(file)]) == 3
    assert "FAIL  personal_data" in capsys.readouterr().out
    assert main(["check", str(file), "--json"]) == 3
    verdicts = json.loads(capsys.readouterr().out)
    assert [one["check"] for one in verdicts if not one["passed"]] == ["personal_data"]


def test_from_a_pipe(makar_command: Command) -> None:
    done = makar_command("check", "-", input=CLEAN.encode())
    assert done.returncode == 0, done.stderr


def test_bad_input(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    schema = tmp_path / "schema.json"
    schema.write_text("[1]")
    clean = tmp_path / "clean.txt"
    clean.write_text(CLEAN)
    for words in (["absent.txt"], [str(tmp_path)], [str(clean), "--json-schema", str(schema)],
                  [str(clean), "--language", "Klingon"]):
        assert main(["check", *words]) == 2
        said = capsys.readouterr()
        assert (said.out, said.err.count("\n")) == ("", 1)
