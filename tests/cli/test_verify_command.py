"""`makar verify`, `makar replay` and `makar keys` from the outside."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess
from typing import TextIO

import pytest

from makar.cli import main
from makar.provenance.credentials import signing_key

Run = Callable[..., CompletedProcess[bytes]]
LAX = "extends = 'default'\notherwise = 'release'\n[actions]\nrepetition = 'release'\nlanguage = 'release'\n"


@pytest.fixture
def nothing() -> Iterator[TextIO]:
    """A standard input that is a device and so is not read."""
    with open(os.devnull) as file:
        yield file


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nothing: TextIO) -> Path:
    """A folder with a work as `makar text -o` leaves it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", nothing)
    (tmp_path / "lax.toml").write_text(LAX)
    (tmp_path / "out").mkdir()
    assert main(["text", "Say it", "--model", "tiny", "--max-tokens", "40", "--seed", "4", "--policy", "lax.toml",
                 "-o", "out/work.txt"]) == 0
    return tmp_path / "out"


def test_a_signed_work(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["verify", "out/work.txt"]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"out/work.txt\n  signed by key {signing_key.current_key().id} (")
    assert "  the ledger has it as the work " in said


def test_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    (folder / "other.md").write_text("other words")
    assert main(["verify", "out", "--json"]) == 3
    found = {Path(one["path"]).name: one for one in map(json.loads, capsys.readouterr().out.splitlines())}
    assert found.keys() == {"work.txt", "other.md"}
    assert found["work.txt"]["ok"] and found["work.txt"]["signature"]["key"] == signing_key.current_key().id
    assert found["work.txt"]["ledger"]["state"] == "stamped"
    assert found["other.md"]["signature"]["state"] == "none"


def test_a_folder_is_a_table(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "deep").mkdir()
    (folder / "deep" / "changed.txt").write_text("not what was signed")
    (folder / "deep" / "changed.txt.c2pa").write_bytes((folder / "work.txt.c2pa").read_bytes())
    (folder / "empty").touch()
    (folder / ".hidden").touch()
    capsys.readouterr()
    assert main(["verify", "out"]) == 3
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert "CHANGED since signed" in lines[0] and "nothing found" in lines[1] and " signed " in lines[2]
    assert lines[3] == "3 files: 1 CHANGED since signed; 1 nothing found; 1 signed"


@pytest.mark.parametrize(("words", "said"), [
    (["verify", "absent"], "there is no file or folder 'absent'"),
    (["verify", "empty"], "there is no file in what was named"),
    (["verify", "lax.toml", "--ledger", "no.db"], "there is no ledger 'no.db'"),
    (["replay", "zz"], "no work that was made whole"),
    (["replay", "aa", "bb", "-o", "x"], "-o writes one work"),
    (["keys", "import"], "name what to import"),
    (["keys", "import", "--key", "k"], "go together"),
    (["keys", "import", "--trust", "absent.pem"], "there is no file 'absent.pem'"),
    (["keys", "import", "--trust", "lax.toml"], "no certificate"),
    (["keys", "import", "--mark", "lax.toml"], "no mark key"),
    (["keys", "timestamps", "ftp://x"], "http or https"),
])
def test_bad_input_is_one_line(folder: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str) -> None:
    (folder.parent / "empty").mkdir()
    capsys.readouterr()
    assert main(words) == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1


def test_replay(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["verify", "out/work.txt", "--json"]) == 0
    work = json.loads(capsys.readouterr().out)["signature"]["manifest"]["work"]
    assert main(["replay", work, "-o", "again.txt"]) == 0
    assert capsys.readouterr().out.startswith(f"{work}: the same, byte for byte (")
    assert (folder.parent / "again.txt").read_bytes() == (folder / "work.txt").read_bytes()
    assert main(["replay", work, work, work, "--jobs", "3"]) == 0


def test_keys(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["keys", "show", "--json"]) == 0
    before = json.loads(capsys.readouterr().out)
    assert main(["keys", "rotate"]) == 0
    assert main(["keys", "show", "--json"]) == 0
    after = json.loads(capsys.readouterr().out.split("from now on\n")[-1])
    assert [one["state"] for one in after["signing"]] == ["signs", "rotated"]
    assert after["signing"][1]["id"] == before["signing"][0]["id"]
    assert {one["id"] for one in after["marks"]} > {one["id"] for one in before["marks"]}
    assert main(["keys", "show", "--authority"]) == 0
    assert capsys.readouterr().out.startswith("-----BEGIN CERTIFICATE-----")
    assert main(["verify", "out/work.txt"]) == 0


def test_another_machine_trusts_after_an_import(makar_command: Run, folder: Path, own_home: Path,
                                                monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    shown = makar_command("keys", "show", "--authority").stdout
    monkeypatch.setenv("MAKAR_HOME", str(tmp_path / "elsewhere"))
    done = makar_command("verify", "out/work.txt")
    assert (done.returncode, b"not trusted here" in done.stdout) == (3, True)
    (tmp_path / "friend.pem").write_bytes(shown)
    assert makar_command("keys", "import", "--trust", "friend.pem").returncode == 0
    done = makar_command("verify", "out/work.txt")
    assert (done.returncode, b"trusted here through" in done.stdout) == (0, True)


def test_no_sign_and_embed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["text", "Say it", "--model", "tiny", "--max-tokens", "9", "--seed", "4", "--policy", "lax.toml", "-o"]
    assert main([*words, "bare.txt", "--no-sign"]) == 0
    assert not (folder.parent / "bare.txt.c2pa").exists()
    assert main([*words, "own.txt", "--embed"]) == 0
    assert main(["verify", "own.txt"]) == 0
    assert "unchanged since (in the text)" in capsys.readouterr().out


@pytest.mark.weights
def test_a_signed_work_of_real_weights_is_as_the_ledger_has_it(
        smollm2_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nothing: TextIO,
        capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", nothing)
    assert main(["text", "Say it", "--model", "smollm2-135m", "--max-tokens", "12", "-o", "work.txt"]) == 0
    assert main(["verify", "work.txt"]) == 0
    assert "  the ledger has it as the work " in capsys.readouterr().out
