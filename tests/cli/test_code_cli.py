"""`makar code` as a person types it: what is printed, saved, refused, and with which exit status."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from makar.cli import main
from makar.room import Piece

GOOD = "def add(a, b):\n    return a + b\n"


@pytest.fixture
def says(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the model answers, whatever it is asked."""
    answers = [GOOD]

    def make(room: Any, request: Any) -> Iterator[Piece]:
        yield Piece(answers[0], num_tok=3, finish="stop")

    monkeypatch.setattr("makar.verbs.code.bench.make", make)
    return answers


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "adder.py").write_text("def add(a, b):\n    return a - b\n")
    (tmp_path / "test_adder.py").write_text("from adder import add\n\ndef test_add():\n    assert add(1, 2) == 3\n")
    return tmp_path


def code(*words: str) -> int:
    return main(["code", *words, "--model", "tiny"])


def test_write_prints_the_code_alone(says: list[str], folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert code("write", "add two numbers", "--tests", "test_adder.py") == 0
    assert capsys.readouterr().out == GOOD


def test_write_to_a_file_with_its_record(says: list[str], folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert code("write", "add two numbers", "-o", "out.py", "--record") == 0
    assert (folder / "out.py").read_text() == GOOD
    assert json.loads((folder / "out.py.record.json").read_text())["media_type"] == "text/x-python"
    assert "makar ledger show" in capsys.readouterr().err


def test_withheld_is_status_3_and_one_line(says: list[str], folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    says[0] = "def add(a, b):\n    return 7\n"
    assert code("write", "add", "--tests", "test_adder.py", "--attempts", "1", "-o", "out.py") == 3
    said = capsys.readouterr()
    assert said.err.count("\n") == 1 and "tests_pass" in said.err and said.out == ""
    assert not (folder / "out.py").exists()


def test_fix_in_place_keeps_mode_and_mark(says: list[str], folder: Path) -> None:
    path = folder / "adder.py"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    path.chmod(0o751)
    assert code("fix", "adder.py", "--test", "test_adder.py", "--in-place") == 0
    assert path.read_bytes() == b"\xef\xbb\xbf" + GOOD.encode()
    assert os.stat(path).st_mode & 0o777 == 0o751


def test_fix_in_place_follows_a_link(says: list[str], folder: Path) -> None:
    (folder / "link.py").symlink_to(folder / "adder.py")
    assert code("fix", "link.py", "--error", "it subtracts", "--in-place") == 0
    assert (folder / "link.py").is_symlink() and (folder / "adder.py").read_text() == GOOD


def test_a_masked_result_is_not_written_over_the_file(says: list[str], folder: Path,
                                                      capsys: pytest.CaptureFixture[str]) -> None:
    before = "def add(a, b):\n    return a - b\n"
    says[0] = "def add(a, b):\n    # asked jane.doe@gmail.com\n    return a + b\n"
    (folder / "adder.py").write_text(before)
    assert code("fix", "adder.py", "--error", "it subtracts", "--in-place") == 2
    assert (folder / "adder.py").read_text() == before
    assert "masked" in capsys.readouterr().err


def test_what_the_file_held_already_stays_in_it(says: list[str], folder: Path) -> None:
    (folder / "adder.py").write_text("# by jane.doe@gmail.com\ndef add(a, b):\n    return a - b\n")
    assert code("fix", "adder.py", "--error", "it subtracts", "--in-place") == 0
    assert (folder / "adder.py").read_text().startswith("# by jane.doe@gmail.com\n")


def test_doc_in_place(says: list[str], folder: Path) -> None:
    says[0] = "Subtract b from a."
    assert code("doc", "adder.py:add", "--in-place") == 0
    assert (folder / "adder.py").read_text() == 'def add(a, b):\n    """Subtract b from a."""\n    return a - b\n'


def test_explain_prints_words(says: list[str], folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    says[0] = "It subtracts b from a."
    assert code("explain", "adder.py:add") == 0
    assert capsys.readouterr().out == "It subtracts b from a.\n"


@pytest.mark.parametrize(("words", "message"), [
    (["explain", "gone.py"], "there is no file 'gone.py'"),
    (["explain", "adder.py:sub"], "'sub'. Known: add"),
    (["explain", "notes.txt"], "not Python"),
    (["explain", "image.py"], "not UTF-8"),
    (["explain", "."], "cannot read '.'"),
    (["test", "empty.py"], "empty"),
    (["complete", "adder.py"], "FILE:LINE"),
    (["complete", "adder.py:7"], "has 3 lines; there is no line 7"),
    (["complete", "adder.py:1:80"], "there is no column 80"),
    (["fix", "adder.py"], "--error TEXT"),
    (["fix", "adder.py", "--error", " "], "the error is empty"),
    (["fix", "adder.py", "--test", "gone.py"], "there is no file 'gone.py'"),
    (["fix", "adder.py", "--error", "x", "--in-place", "-o", "y.py"], "not both"),
    (["write", " "], "is empty"),
    (["write", "x\udcff"], "lone surrogate"),
    (["write", "add", "--tests", "empty.py"], "no tests in it"),
    (["write", "add", "--attempts", "0"], "attempts is between 1 and 32"),
    (["write", "add", "-o", "nowhere/x.py"], "there is no folder 'nowhere'"),
    (["write", "add", "--temperature", "-1"], "temperature"),
    (["write", "add", "--policy", "lax"], "lax"),
])
def test_bad_input_is_one_clear_line(words: list[str], message: str, says: list[str], folder: Path,
                                     capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "notes.txt").write_text("These are notes: about (things.\n")
    (folder / "image.py").write_bytes(b"\x89PNG\xff")
    (folder / "empty.py").write_text("\n")
    assert code(*words) == 2
    said = capsys.readouterr()
    assert said.err.startswith("makar: ") and said.err.count("\n") == 1 and message in said.err
    assert said.out == ""


def test_an_unknown_model_lists_the_known(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["code", "explain", "adder.py", "--model", "gpt-9"]) == 2
    assert "qwen2.5-coder-0.5b" in capsys.readouterr().err


def test_code_too_long_for_the_context_tells_both_numbers(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "long.py").write_text("x = 1\n" * 2000)
    assert code("explain", "long.py") == 2
    said = capsys.readouterr().err
    assert "2,048" in said and said.count("\n") == 1


def test_the_tiny_model_goes_all_the_way(folder: Path) -> None:
    assert code("explain", "adder.py", "--max-tokens", "16", "--policy", "default") in (0, 3)
    assert main(["ledger", "verify"]) == 0
