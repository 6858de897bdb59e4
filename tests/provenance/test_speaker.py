"""contract: which model a text is compared with when it is recognised, and that none is fetched for it."""

from __future__ import annotations

from pathlib import Path

import pytest

import makar
from makar.cli import main
from makar.kit.errors import NotHere, UnknownName
from makar.provenance import recognise
from makar.provenance.speaker import speaker_here, speaker_of

ASKED = {"model": "tiny", "regex": "[a-z ]{300}", "max_tokens": 300, "temperature": 20.0, "seed": 7}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the models that recognising looks for by itself."""
    names: list[str] = []
    monkeypatch.setattr(recognise, "speaker_here", lambda name: names.append(name) or speaker_here(name))
    return names


def test_the_model_that_a_record_names_is_asked_about_a_changed_text(tmp_path: Path, asked: list[str]) -> None:
    work = makar.text("once", **ASKED)
    path = work.save(tmp_path / "work.txt")
    assert makar.verify(path).ok and asked == []
    path.write_text(f"{work.content} and so on")
    found = makar.verify(path)
    assert asked == ["tiny"] and found.signature.state == "changed"
    assert found.mark.found and found.mark.num_tests == 2  # the key alone, and with the model
    alone = makar.verify(work.content.replace("a", "e").encode())  # nothing but its fingerprint leads to its record
    assert asked == ["tiny"] * (1 + (alone.release is not None))


def test_a_model_can_be_named(tmp_path: Path, asked: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    path = makar.text("once", **ASKED).save(tmp_path / "work.txt", sign=False)
    assert makar.verify(path, model="tiny").mark.num_tests == 2
    assert main(["verify", str(path), "--model", "tiny"]) == 3
    assert asked == []
    assert "carries the mark of key" in capsys.readouterr().out


def test_what_is_not_here_is_not_fetched(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.txt").write_text("words")
    with pytest.raises(UnknownName, match="qwen"):
        speaker_of("nobody")
    with pytest.raises(NotHere, match="models pull"):
        speaker_of("qwen2.5-coder-1.5b")
    assert speaker_here("nobody") is None
    assert main(["verify", str(tmp_path / "a.txt"), "--model", "qwen2.5-coder-1.5b"]) == 2
    assert capsys.readouterr().err.startswith("makar: ")
