"""A picture pipeline out of a repository of the hub: what it is opened from is fetched, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from hub_stand_in import Hub, running

from makar import store
from makar.kit.errors import BadInput, Damaged, NotHere
from makar.store import layout

COMMIT = "c" * 40
INDEX = {"_class_name": "StableDiffusionPipeline", "_diffusers_version": "0.30.0", "safety_checker": [None, None],
         "unet": ["diffusers", "UNet2DConditionModel"], "tokenizer": ["transformers", "CLIPTokenizer"],
         "../unet": ["diffusers", "UNet2DConditionModel"]}
FILES = {"model_index.json": json.dumps(INDEX).encode(), "unet/config.json": b"{}",
         "unet/diffusion_pytorch_model.safetensors": b"whole weights",
         "unet/diffusion_pytorch_model.fp16.safetensors": b"half weights", "unet/diffusion_pytorch_model.bin": b"\x80",
         "unet/run_me.py": b"raise SystemExit", "tokenizer/vocab.json": b"{}", "tokenizer/merges.txt": b"#version: 0.2",
         "safety_checker/model.safetensors": b"not asked for", "everything.safetensors": b"another form of the same",
         "../unet/outside.json": b"{}", "README.md": b"hello"}


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with running(Hub()) as server:
        monkeypatch.setenv("MAKAR_HUB", server.url)
        monkeypatch.delenv("MAKAR_OFFLINE", raising=False)
        yield server


def test_the_parts_it_names_are_fetched_and_nothing_else(hub: Hub) -> None:
    hub.serve_repo("maker/Draws", COMMIT, FILES, cardData={"license": "openrail", "datasets": ["pictures"]})
    model = store.add("maker/Draws")
    assert (model.name, model.licence, model.training_data) == ("draws", "openrail", "the model card names pictures")
    assert model.source == f"maker/Draws@{COMMIT}"
    fetched = {path.partition(f"{COMMIT}/")[2] for path, _ in hub.asked if "resolve" in path}
    assert fetched == {"model_index.json", "unet/config.json", "unet/diffusion_pytorch_model.safetensors",
                       "tokenizer/vocab.json", "tokenizer/merges.txt"}
    assert (model.folder / "unet" / "diffusion_pytorch_model.safetensors").read_bytes() == b"whole weights"
    assert store.verify("draws", progress=False).ok
    assert store.remove("draws") > 0 and not any((layout.root() / "raw").iterdir())


def test_weights_come_once_and_are_kept_when_a_later_file_fails(hub: Hub) -> None:
    hub.serve_repo("maker/draws", COMMIT, FILES)
    merges = hub.files.pop(f"/maker/draws/resolve/{COMMIT}/tokenizer/merges.txt")
    with pytest.raises(NotHere, match=r"lists tokenizer/merges.txt of maker/draws, but does not have it"):
        store.add("maker/draws")
    hub.serve("maker/draws", "tokenizer/merges.txt", merges, COMMIT)
    store.add("maker/draws")
    assert len([path for path, _ in hub.asked if path.endswith(".safetensors")]) == 1


@pytest.mark.parametrize("changes, kind, words", [
    ({"unet/diffusion_pytorch_model.safetensors": None}, BadInput,
     r"no \.safetensors weights in full precision.*'unet'"),
    ({"model_index.json": b"[1]"}, Damaged, "model_index.json of maker/draws cannot be read"),
])
def test_what_cannot_be_used_is_said_before_anything_large_is_fetched(
        hub: Hub, changes: dict[str, bytes | None], kind: type[Exception], words: str) -> None:
    files = {name: data for name, data in (FILES | changes).items() if data is not None}
    hub.serve_repo("maker/draws", COMMIT, files)
    with pytest.raises(kind, match=words):
        store.add("maker/draws")
    assert not [path for path, _ in hub.asked if path.endswith(".safetensors")]
