"""Models of the user's own: from disk and from the hub, looked after like the known ones."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import tiny_folder
from hub_stand_in import Hub, running

from makar import store
from makar.kit.errors import BadInput, Damaged, NoNetwork, NotHere, UnknownName
from makar.store import layout
from makar.store.mirrors import hub as hub_mirror

COMMIT = "c0ffee" * 6 + "cafe"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    monkeypatch.setattr(hub_mirror, "PAUSE_S", 0.0)
    with running(Hub()) as server:
        monkeypatch.setenv("MAKAR_HUB", server.url)
        yield server


def test_a_folder_is_taken_in_and_found_again_by_name(tmp_path: Path) -> None:
    folder = tiny_folder.write(tmp_path / "My Model")
    model = store.add(folder, stated=store.Stated(training_data="my own letters"))
    assert model == store.stored("my-model")
    assert model.sha256 == hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    assert (model.source, model.training_data, model.licence) == (str(folder), "my own letters", "not stated")
    assert model.architecture["dim"] == tiny_folder.DIM
    assert [entry.name for entry in store.listing() if entry.added] == ["my-model"]
    assert store.verify("my-model", progress=False).ok


def test_removing_it_leaves_the_users_own_files(tmp_path: Path) -> None:
    folder = tiny_folder.write(layout.incoming() / "own")
    store.add(folder, "own")
    assert store.remove("own") > 0
    assert (folder / "model.safetensors").exists()
    with pytest.raises(UnknownName, match="smollm2-135m"):
        store.stored("own")
    with pytest.raises(UnknownName):
        store.remove("own")


@pytest.mark.parametrize("name", ["smollm2-135m", "tiny", "../up", "Upper", "", ".hidden", "a/b", "x" * 65])
def test_names_that_cannot_be_are_refused(tmp_path: Path, name: str) -> None:
    folder = tiny_folder.write(tmp_path / "..." if name == "" else tmp_path / "ok")
    with pytest.raises(BadInput, match="--name"):
        store.add(folder, name)


def test_a_name_is_given_once(tmp_path: Path) -> None:
    folder = tiny_folder.write(tmp_path / "one")
    store.add(folder)
    with pytest.raises(BadInput, match="already"):
        store.add(folder)


def test_what_is_no_model_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(NotHere, match="no hub id"):
        store.add(tmp_path / "nowhere")
    with pytest.raises(NotHere, match=r"models/x\.gguf"):
        store.add("models/x.gguf")
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    (tmp_path / "config.json").write_text("{}")
    for place in (tmp_path, tmp_path / "pytorch_model.bin"):
        with pytest.raises(BadInput, match=r"pytorch_model\.bin can hold a pickle"):
            store.add(place, "bad")
    folder = tiny_folder.write(tmp_path / "no-tokenizer")
    (folder / "tokenizer.json").unlink()
    with pytest.raises(BadInput, match=r"no tokenizer\.json"):
        store.add(folder)
    (tmp_path / "junk.gguf").write_bytes(b"GGUF junk")
    with pytest.raises((BadInput, Damaged)):
        store.add(tmp_path / "junk.gguf")
    assert not any(entry.added for entry in store.listing())


@pytest.mark.parametrize("file", ["weights.safetensors", "model.json", "tokenizer.json"])
@pytest.mark.parametrize("harm", ["flip", "cut", "delete"])
def test_a_changed_truncated_or_missing_file_is_found(tmp_path: Path, file: str, harm: str) -> None:
    path = store.add(tiny_folder.write(tmp_path / "m")).folder / file
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data) if harm == "flip" else path.read_bytes()[:-1])
    if harm == "delete":
        path.unlink()
    if (file, harm) != ("model.json", "delete"):  # without it the model is not there at all
        assert [finding.what for finding in store.verify("m", progress=False).findings if not finding.ok]
        with pytest.raises(Damaged, match="makar models remove m"):
            store.stored("m")
    else:
        with pytest.raises(UnknownName):
            store.stored("m")


def test_verify_finds_a_byte_even_if_size_and_time_are_as_before(tmp_path: Path) -> None:
    import os
    path = store.add(tiny_folder.write(tmp_path / "m")).folder / "weights.safetensors"
    stat = path.stat()
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert [finding.what for finding in store.verify("m", progress=False).findings if not finding.ok] == [path.name]


def test_a_changed_source_is_found_and_a_missing_one_told(tmp_path: Path) -> None:
    folder = tiny_folder.write(tmp_path / "m")
    store.add(folder)
    tiny_folder.write(folder, seed=1)
    assert not store.verify("m", progress=False).ok
    shutil.rmtree(folder)
    report = store.verify("m", progress=False)
    assert report.ok
    assert "no longer" in report.findings[0].detail


def test_a_store_that_was_copied_is_read_once_and_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = store.add(tiny_folder.write(tmp_path / "m")).folder
    shutil.copytree(layout.root(), tmp_path / "moved" / "store", copy_function=shutil.copyfile)
    monkeypatch.setenv("MAKAR_HOME", str(tmp_path / "moved"))
    moved = store.stored("m")
    assert moved.folder != folder
    hashes = json.loads((moved.folder / "hashes.json").read_text())["files"]
    assert hashes["weights.safetensors"]["mtime_ns"] == (moved.folder / "weights.safetensors").stat().st_mtime_ns


def test_a_repository_comes_from_the_hub_at_the_commit_it_had(hub: Hub) -> None:
    files = tiny_folder.files() | {"README.md": b"hello", "pytorch_model.bin": b"pickle", "onnx/model.onnx": b"x"}
    hub.serve_repo("maker/Small-Model", COMMIT, files, cardData={"license": "mit", "datasets": ["letters"]})
    model = store.add("maker/Small-Model")
    assert (model.name, model.licence, model.training_data) == ("small-model", "mit", "the model card names letters")
    assert model.source == f"maker/Small-Model@{COMMIT}"
    fetched = [path for path, _ in hub.asked if "resolve" in path]
    assert not [path for path in fetched if path.endswith((".bin", ".md", ".onnx")) or COMMIT not in path]
    assert store.verify("small-model", progress=False).ok
    assert store.remove("small-model") > len(files["model.safetensors"])
    assert not any((layout.root() / "raw").iterdir())


def test_two_models_may_share_a_source(hub: Hub) -> None:
    hub.serve_repo("maker/model", COMMIT, tiny_folder.files())
    store.add("maker/model", "one")
    num_asked = len([path for path, _ in hub.asked if path.endswith(".safetensors")])
    store.add("maker/model", "two")
    assert len([path for path, _ in hub.asked if path.endswith(".safetensors")]) == num_asked == 1
    store.remove("one")
    assert store.verify("two", progress=False).ok
    assert all("no longer" not in finding.detail for finding in store.verify("two", progress=False).findings)


def test_weights_in_several_files_have_one_identity(tmp_path: Path) -> None:
    from safetensors.numpy import load, save
    folder = tiny_folder.write(tmp_path / "whole")
    tensors = load((folder / "model.safetensors").read_bytes())
    split = tiny_folder.write(tmp_path / "split")
    (split / "model.safetensors").unlink()
    names = sorted(tensors)
    places = {}
    for index, part in enumerate((names[:5], names[5:]), start=1):
        file = f"model-0000{index}-of-00002.safetensors"
        (split / file).write_bytes(save({name: tensors[name] for name in part}))
        places |= dict.fromkeys(part, file)
    (split / "model.safetensors.index.json").write_text(json.dumps({"weight_map": places}))
    whole, parts = store.add(folder), store.add(split)
    weights = [(model.folder / "weights.safetensors").read_bytes() for model in (whole, parts)]
    assert weights[0] == weights[1]
    assert whole.sha256 != parts.sha256
    assert store.verify("split", progress=False).ok


def test_small_files_are_checked_against_the_listing(hub: Hub) -> None:
    files = tiny_folder.files()
    hub.serve_repo("maker/model", COMMIT, files)
    hub.serve("maker/model", "tokenizer.json", files["tokenizer.json"][:-1] + b" ", COMMIT)
    with pytest.raises(Damaged, match=r"tokenizer\.json"):
        store.add("maker/model")


def test_gguf_files_of_a_repository_are_named_where_there_are_several(hub: Hub) -> None:
    hub.serve_repo("maker/many", COMMIT, {"a.gguf": b"1", "b.gguf": b"2", "c.bin": b"3"})
    with pytest.raises(BadInput, match=r"maker/many:a\.gguf"):
        store.add("maker/many")
    with pytest.raises(BadInput, match=r"it has: a\.gguf, b\.gguf"):
        store.add("maker/many:z.gguf")
    with pytest.raises(BadInput, match="pickle"):
        store.add("maker/many:c.bin")
    hub.serve_repo("maker/none", COMMIT, {"pytorch_model.bin": b"3"})
    with pytest.raises(BadInput, match="pickle"):
        store.add("maker/none")
    with pytest.raises((BadInput, Damaged)):  # fetched, but the single byte is no GGUF file
        store.add("maker/many:a.gguf")
    assert layout.raw_file(hashlib.sha256(b"1").hexdigest(), "a.gguf").read_bytes() == b"1"


def test_a_repository_that_is_not_there_or_out_of_reach(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotHere, match="maker/nothing"):
        store.add("maker/nothing")
    hub.files["/api/models/maker/odd/revision/main"] = b'{"siblings": 7}'
    with pytest.raises(Damaged, match="cannot be read"):
        store.add("maker/odd")
    monkeypatch.setenv("MAKAR_HUB", "http://127.0.0.1:9")
    with pytest.raises(NoNetwork):
        store.add("maker/nothing")
    monkeypatch.setenv("MAKAR_OFFLINE", "1")
    with pytest.raises(NoNetwork, match="MAKAR_OFFLINE"):
        store.add("maker/nothing")
