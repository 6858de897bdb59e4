"""`makar doctor`: one screen, and the same as JSON."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from makar import store
from makar.cli import main
from makar.native import cpu
from makar.verbs import doctor


@pytest.fixture(autouse=True)
def little_memory_to_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "read_speed", lambda: 20e9)


def told(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["doctor", *words]) == 0
    return capsys.readouterr().out


def test_one_screen_tells_of_machine_home_and_sandbox(own_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = told(capsys)
    assert len(text.splitlines()) <= 24
    for words in (f"kernel     {cpu.paths()[0]} on", "read at 20.0 GB/s", str(own_home), "sandbox    holds",
                  "none is here yet"):
        assert words in text


def test_json_has_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(told(capsys, "--json"))
    assert found["kernel"]["path"] == cpu.paths()[0] and found["kernel"]["threads"] >= 1
    assert found["memory"]["read_bytes_s"] == 20e9 and found["models"] == []


def test_without_a_kernel_it_says_so(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu, "paths", lambda: ("twin",))
    monkeypatch.setattr(cpu, "why_twin", lambda: "no C++ compiler was there")
    assert "kernel     twin on" in (text := told(capsys)) and "no C++ compiler was there" in text


def test_memory_is_read_at_some_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert 1e7 < doctor.read_speed(num_bytes=1 << 22) < 1e13
    monkeypatch.setattr(cpu, "paths", lambda: ("twin",))
    assert 1e7 < doctor.read_speed(num_bytes=1 << 22) < 1e13


@pytest.mark.weights
def test_a_stored_model_has_its_speed(smollm2_home: Path, capsys: pytest.CaptureFixture[str],
                                      monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu, "paths", lambda: ("twin",))
    [model] = [one for one in json.loads(told(capsys, "--json"))["models"] if one["name"] == "smollm2-135m"]
    assert model["arithmetic"] == "plain" and "twin is slower" in model["why"]
    assert model["most_tok_s"] == pytest.approx(20e9 / model["step_bytes"], abs=0.1)
    monkeypatch.undo()
    monkeypatch.setenv("MAKAR_HOME", str(smollm2_home))
    size_bytes, _ = doctor.bytes_per_token(store.stored("smollm2-135m"), doctor.Config(**store.stored(
        "smollm2-135m").architecture), "file")
    assert 60e6 < size_bytes < 200e6  # 4-bit blocks and an 8-bit head, packed or estimated


def test_an_unknown_arithmetic_is_refused_with_the_known_ones(
        makar_command: Callable[..., subprocess.CompletedProcess[bytes]]) -> None:
    done = makar_command("text", "hello", "--model", "tiny", "--arithmetic", "nativ")
    assert done.returncode == 2 and b"did you mean 'native'" in done.stderr and done.stderr.count(b"\n") == 1
