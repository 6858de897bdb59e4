"""`makar curate` and `makar corpus` as a person types them."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from makar.ledger import open_ledger

Command = Callable[..., subprocess.CompletedProcess[bytes]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small source tree."""
    root = tmp_path / "src"
    root.mkdir()
    (root / "LICENSE").write_text("SPDX-License-Identifier: MIT")
    for number in range(4):
        (root / f"m{number}.py").write_text(f"def area{number}(width, height):\n    return width * height + {number}\n")
    (root / "short.txt").write_text("Too short.")
    return root


def test_the_way_of_a_corpus(folder: Path, tmp_path: Path, makar_command: Command) -> None:
    done = makar_command("curate", "src", "-o", "c", "--workers", "2", "--set", "name=mine")
    assert done.returncode == 0, done.stderr
    assert b"4 kept of 6 documents read" in done.stdout
    with open_ledger() as ledger:
        stamp = next(ledger.stamps("curate"))
    assert stamp.body["corpus"].encode() in done.stdout
    assert stamp.body["counts"]["kept"] == 4
    assert stamp.body["config"]["name"] == "mine"

    shown = makar_command("corpus", "show", "c").stdout.decode()
    assert "licences: MIT 4" in shown
    why = makar_command("corpus", "why", "c", "short.txt").stdout.decode()
    assert "dropped by quality: gopher_words: 2 words" in why
    kept = makar_command("corpus", "why", "c", "m1.py").stdout.decode()
    assert "kept, in the split" in kept
    assert "licence:LICENSE" in kept
    assert b"def area2" in makar_command("corpus", "show", "c", "m2.py").stdout
    assert b"src/m3.py" in makar_command("corpus", "search", "c", "AREA3").stdout
    assert b"no document says" in makar_command("corpus", "search", "c", "nowhere").stdout
    assert b"licence_file" in makar_command("corpus", "dropped", "c").stdout
    assert b"6 documents are as they were written" in makar_command("corpus", "verify", "c").stdout

    again = makar_command("curate", "src", "-o", "d", "--workers", "1", "--set", "quality.enabled=false",
                          "--set", "name=mine")
    assert again.returncode == 0, again.stderr
    diff = makar_command("corpus", "diff", "c", "d").stdout.decode()
    assert "setting quality.enabled: true -> false" in diff
    assert "1 documents only in d" in diff
    assert "quality: gopher_words" in diff
    assert b"the same" in makar_command("corpus", "diff", "c", "c").stdout


@pytest.mark.parametrize(("words", "said"), [
    (("curate", "src"), "-o CORPUS"), (("curate", "-o", "c"), "at least one source"),
    (("curate", "absent", "-o", "c"), "no file or folder"),
    (("curate", "src", "-o", "c", "--set", "qualty.enabled=false"), "did you mean 'quality'"),
    (("curate", "src", "-o", "c", "--set", "name"), "KEY=VALUE"),
    (("curate", "src", "-o", "c", "--set", "language.least_prob=high"), "expected float"),
    (("curate", "src", "-o", "c", "--workers", "0"), "workers"),
    (("corpus", "show", "absent"), "no corpus"), (("corpus", "show", "src"), "no corpus"),
])
def test_bad_input_is_one_line(words: tuple[str, ...], said: str, folder: Path, makar_command: Command) -> None:
    done = makar_command(*words)
    assert done.returncode == 2
    assert said in done.stderr.decode()
    assert done.stderr.decode().count("\n") == 1
    assert done.stdout == b""


def test_a_changed_byte_is_one_line(folder: Path, tmp_path: Path, makar_command: Command) -> None:
    assert makar_command("curate", "src", "-o", "c").returncode == 0
    path = tmp_path / "c/records/00000.frames"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    done = makar_command("corpus", "show", "c")
    assert done.returncode == 2
    assert b"was changed" in done.stderr


def test_settings_are_listed(makar_command: Command) -> None:
    listed = makar_command("curate", "--settings").stdout.decode().splitlines()
    assert "duplicates.threshold=0.7" in listed
    assert "quality.prose.gopher_least_words=50" in listed
