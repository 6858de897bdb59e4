"""`makar index`, `makar trace`, `makar forget` as they are typed."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from makar.cli import main

BOOK = " ".join(f"the{number} grey{number} cat{number} sat{number}" for number in range(40))
Command = Callable[..., "subprocess.CompletedProcess[bytes]"]


@pytest.fixture
def books(tmp_path: Path) -> Path:
    """Two books and a picture, indexed."""
    (tmp_path / "books").mkdir()
    (tmp_path / "books" / "cat.txt").write_text(BOOK)
    (tmp_path / "books" / "dog.txt").write_text("a dog barks at night")
    (tmp_path / "books" / "cat.png").write_bytes(b"\x89PNG\0")
    assert main(["index", str(tmp_path / "books"), "--licence", "CC-BY-4.0"]) == 0
    return tmp_path / "books"


def test_index_says_what_is_in_it(books: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["index", str(books)]) == 0
    out = capsys.readouterr().out
    assert "books: 2 documents, 165 tokens" in out
    assert "left out: 1 binary" in out


def test_trace_shows_spans_and_writes_a_page(books: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    work = tmp_path / "work.txt"
    work.write_text(f"My own words first. {BOOK[200:600]}")
    assert main(["trace", str(work), "--html", str(tmp_path / "page.html")]) == 0
    out = capsys.readouterr().out
    assert "verbatim, " in out and "cat.txt at byte 200, licence CC-BY-4.0" in out
    assert "training data not disclosed" in out
    assert "<mark" in (tmp_path / "page.html").read_text()
    assert main(["trace", str(work), "--corpus", str(books), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["spans"][0]["places"][0]["document"] == "cat.txt"


def test_a_pipe_is_traced(books: Path, makar_command: Command) -> None:
    done = makar_command("trace", "-", "--corpus", "books", input=BOOK.encode())
    assert done.returncode == 0, done.stderr
    assert b"160 tokens" in done.stdout


def test_forget_names_what_is_left(books: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["forget", "cat.txt", "--corpus", str(books)]) == 0
    out = capsys.readouterr().out
    assert "cat.txt is out of books" in out and "not ours to delete" in out and "0 checkpoints saw it" in out
    assert main(["forget", "cat.txt", "--corpus", str(books)]) == 2
    assert "Known: dog.txt" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["trace", "nowhere.txt"], ["trace", "books", "--corpus", "books"],
                                   ["index", "nowhere"], ["forget", "x"], ["forget", "x", "--corpus", "nowhere"],
                                   ["trace", "books/cat.txt", "--corpus", "nowhere"],
                                   ["trace", "books/cat.txt", "--min-tokens", "0"],
                                   ["trace", "books/cat.txt", "--html", "nowhere/page.html"]])
def test_bad_input_is_one_line(books: Path, makar_command: Command, words: list[str]) -> None:
    done = makar_command(*words)
    assert done.returncode == 2
    assert done.stderr.count(b"\n") == 1 and done.stderr.startswith(b"makar: ")
