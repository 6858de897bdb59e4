"""Known models by name: made ready once, listed, verified, removed; and the default for a machine's memory."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
import tiny_file
from safetensors import safe_open

from makar import store
from makar.kit.errors import BadInput, Damaged, NoNetwork, NotHere, OutOfRoom, UnknownName
from makar.kit.files import sha256_file
from makar.store import layout, native, shelf, upkeep
from makar.store.catalogue import CATALOGUE, HubFile, RegistryFile, Weights

HERE = str(Path(__file__).parent)


@pytest.fixture
def known(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> Weights:
    """A catalogue of one small model, whose file lies in `incoming`; no network."""
    path = tiny_file.write(layout.incoming() / "small.gguf")
    weights = Weights("small", "small.gguf", sha256_file(path), path.stat().st_size, 20_000, "CC0-1.0", "dice",
                      (HubFile("maker/small", "small.gguf"),))
    catalogue: Mapping[str, Weights] = {"small": weights}
    monkeypatch.setattr(shelf, "CATALOGUE", catalogue)
    monkeypatch.setattr(upkeep, "CATALOGUE", catalogue)
    monkeypatch.setenv("MAKAR_OFFLINE", "1")
    return weights


def here(name: str = "small") -> str:
    """What the list says of a model."""
    return next(entry.here for entry in store.listing() if entry.name == name)


def test_a_known_model_is_made_ready_once(known: Weights, capsys: pytest.CaptureFixture[str]) -> None:
    assert here() == "no"
    model = store.stored("small")
    assert (model.sha256, model.licence, model.training_data) == (known.sha256, "CC0-1.0", "dice")
    assert model.bytes == known.size_bytes
    assert capsys.readouterr().err.count("converting small") == 1
    made = (model.folder / "weights.safetensors").stat()
    assert store.stored("small") == model
    assert (model.folder / "weights.safetensors").stat().st_mtime_ns == made.st_mtime_ns
    assert capsys.readouterr().err == ""
    with safe_open(model.folder / "weights.safetensors", "np") as weights:
        assert any(name.startswith("blocks.1.") for name in weights.keys())  # noqa: SIM118 (not a mapping)
    assert here() == "ready"


def test_pull_alone_gives_the_raw_file(known: Weights) -> None:
    raw = store.pull("small", progress=False)
    assert sha256_file(raw) == known.sha256
    assert here() == "pulled"
    assert store.verify("small", progress=False).ok
    assert store.stored("small", pull=False).sha256 == known.sha256


def test_without_leave_to_pull_it_says_what_to_run(known: Weights) -> None:
    with pytest.raises(NotHere, match="makar models pull small"):
        store.stored("small", pull=False)


def test_no_network_leaves_nothing_half_made(known: Weights) -> None:
    (layout.incoming() / "small.gguf").unlink()
    with pytest.raises(NoNetwork, match="curl"):
        store.stored("small")
    assert here() == "no"
    with pytest.raises(NotHere, match="makar models pull small"):
        store.verify("small")
    assert not layout.model_folder("small").exists()


def test_unknown_names_list_the_known(known: Weights) -> None:
    for ask in (store.stored, store.pull, store.verify, store.remove, shelf.describe):
        with pytest.raises(UnknownName, match="'smal'; did you mean 'small'"):
            ask("smal")


CHILD = f"""
import sys
sys.path.insert(0, {HERE!r})
from makar.store import shelf
from makar.store.catalogue import Weights
name, sha256, size = sys.argv[1:]
shelf.CATALOGUE = {{name: Weights(name, "small.gguf", sha256, int(size), 20_000, "CC0-1.0", "dice", ())}}
print(shelf.stored(name).sha256)
"""


def test_processes_at_once_convert_once(known: Weights) -> None:
    words = [sys.executable, "-c", CHILD, "small", known.sha256, str(known.size_bytes)]
    children = [subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    told = [child.communicate(timeout=100) for child in children]
    assert [out.strip() for out, _ in told] == [known.sha256] * 3, told
    assert sum(err.count("converting small") for _, err in told) == 1
    assert [path.name for path in layout.models().iterdir()] == ["small"]


def test_a_conversion_that_was_killed_is_begun_again(known: Weights) -> None:
    leftover = layout.models() / ".small.making"
    leftover.mkdir(parents=True)
    (leftover / "weights.safetensors").write_bytes(b"half")
    assert here() == "no"
    assert store.stored("small").sha256 == known.sha256
    assert not leftover.exists()


def test_a_model_converted_by_another_version_is_converted_again(
        known: Weights, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    tiny_file.write(layout.incoming() / "own.gguf")
    store.add(layout.incoming() / "own.gguf")
    before = store.stored("small")
    monkeypatch.setattr(native, "FORMAT", native.FORMAT + 1)
    capsys.readouterr()
    for name in ("small", "own"):
        for _ in range(2):
            assert store.stored(name).sha256 == before.sha256
    assert capsys.readouterr().err.count("converting") == 2
    assert sorted(path.name for path in layout.models().iterdir()) == ["own", "small"]
    (layout.incoming() / "own.gguf").unlink()
    monkeypatch.setattr(native, "FORMAT", native.FORMAT + 1)
    with pytest.raises(NotHere, match="makar models remove own"):
        store.stored("own")


def test_a_flipped_byte_of_the_source_is_found(known: Weights) -> None:
    store.stored("small")
    raw = layout.raw_file(known.sha256, known.file)
    data = bytearray(raw.read_bytes())
    data[-1] ^= 1
    raw.write_bytes(data)
    report = store.verify("small", progress=False)
    assert [finding.what for finding in report.findings if not finding.ok] == [f"source {raw.name}"]


def test_a_damaged_model_can_be_removed_and_made_again(known: Weights) -> None:
    folder = store.stored("small").folder
    (folder / "hashes.json").write_text("{")
    with pytest.raises(Damaged, match="makar models remove small"):
        store.stored("small")
    assert not store.verify("small", progress=False).ok
    assert store.remove("small") > known.size_bytes
    assert here() == "no"
    with pytest.raises(NotHere, match="nothing to remove"):
        store.remove("small")
    assert store.stored("small").sha256 == known.sha256


def test_too_little_room_for_both_is_said_before_the_pull(known: Weights, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=60_000_000))
    with pytest.raises(OutOfRoom, match=r"pulling and converting small needs 70 MB of disk and 60 MB are free"):
        store.stored("small")
    assert not layout.raw_file(known.sha256, known.file).exists()


def test_pull_from_a_wrong_place_is_bad_input(known: Weights, tmp_path: Path) -> None:
    (tmp_path / "other.gguf").write_bytes(b"other")
    with pytest.raises(BadInput, match=r"5 bytes, not"):
        store.stored("small", source=tmp_path / "other.gguf")


@pytest.mark.parametrize("free_bytes, name", [(5 << 30, "qwen2.5-coder-1.5b"), (3 << 30, "qwen2.5-coder-0.5b")])
def test_the_default_goes_by_free_memory(monkeypatch: pytest.MonkeyPatch, free_bytes: int, name: str) -> None:
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=free_bytes))
    assert store.default_model() == name
    monkeypatch.setenv("MAKAR_MODEL", "mine")
    assert store.default_model() == "mine"
    with pytest.raises(UnknownName, match="'mine'"):
        store.stored()


def test_the_catalogue_adds_up() -> None:
    for name, weights in CATALOGUE.items():
        assert weights.name == name
        assert [type(mirror) for mirror in weights.mirrors] == [HubFile, RegistryFile]
        parts = [part for mirror in weights.mirrors if isinstance(mirror, RegistryFile) for part in mirror.parts]
        assert sum(part.size_bytes for part in parts) == weights.size_bytes
        assert len({part.sha256 for part in parts}) == len({part.member for part in parts}) == len(parts)


@pytest.mark.weights
def test_smollm2_is_ready_whole_and_what_the_catalogue_says(smollm2_home: Path) -> None:
    model = store.stored("smollm2-135m", pull=False)
    assert model.sha256 == CATALOGUE["smollm2-135m"].sha256
    report = store.verify("smollm2-135m", progress=False)
    assert report.ok
    assert {finding.what for finding in report.findings} > {"weights.safetensors", "tokenizer.json", "model.json"}
