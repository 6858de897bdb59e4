"""Models that come with Makar are whole, known by their hash, and ready without a network."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from makar import store
from makar.codecs.pixels import resized
from makar.kit.errors import NotHere
from makar.rooms.image import ROOM
from makar.rooms.image.models.cleaned import Cleaned
from makar.rooms.image.models.patchflow import PatchFlow
from makar.store import native, shelf
from makar.store.shards import load_arrays, reals
from makar.store.shipped import AVATARS_16, SHIPPED, Shipped
from makar.tracing.pictures import open_pictures

MOST_BYTES = 16 << 20
TOLD = {"icons-128": ("CC-BY-4.0", "image/icons_clean_cpu"), "icons-32": ("CC-BY-4.0", "image/icons_cpu"),
        "avatars-16": ("CC0-1.0", "image/avatars_cpu")}


@pytest.fixture(autouse=True)
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAKAR_HOME", str(tmp_path))
    monkeypatch.setenv("MAKAR_OFFLINE", "1")


@pytest.mark.parametrize("model", SHIPPED.values(), ids=SHIPPED)
def test_the_package_holds_what_the_list_says(model: Shipped) -> None:
    assert native.origin(model.folder, model.name).sha256 == model.sha256
    assert all(file.stat().st_size <= MOST_BYTES for file in model.folder.iterdir())
    weights = load_arrays(model.folder, "weights")[0]
    assert sum(reals(weight).size for name, weight in weights.items()
               if name != "concepts" and not name.startswith("words.")) == model.num_params
    card = (model.folder / "card.md").read_text()
    licence, recipe = TOLD[model.name]
    assert model.sha256 in card and licence in card and f"makar train {recipe}" in card


def test_it_is_listed_verified_and_comes_back_after_it_is_removed() -> None:
    entry = next(entry for entry in store.listing() if entry.name == "icons-32")
    assert entry.here == "with Makar" and entry.size_bytes == 0
    first = store.stored("icons-32")
    assert store.verify("icons-32", progress=False).ok
    store.remove("icons-32")
    assert not first.folder.exists()
    assert store.stored("icons-32").sha256 == first.sha256
    with pytest.raises(NotHere, match="comes with Makar"):
        store.pull("icons-32")


class Older(Shipped):
    """What an older version of Makar had under that name."""

    @property
    def folder(self) -> Path:
        """Of the other model."""
        return AVATARS_16.folder


def test_what_an_older_version_came_with_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as earlier:
        earlier.setattr(shelf, "SHIPPED", {"icons-32": Older("icons-32", AVATARS_16.sha256, 0, "Apache-2.0")})
        assert store.stored("icons-32").sha256 == AVATARS_16.sha256
    assert store.stored("icons-32").sha256 == SHIPPED["icons-32"].sha256
    assert store.verify("icons-32", progress=False).ok


def test_it_knows_what_it_was_shown_and_by_whom_it_was_drawn() -> None:
    stored = store.stored("icons-32")
    model = ROOM.build(stored)
    assert isinstance(model, PatchFlow) and model.vectors is not None
    assert len(model.concepts) == len(model.vectors) > 1000 and "dragon" in model.concepts
    assert {"flat", "glossy", "pixel", "avatar"} <= set(model.looks.families) and "pixel" in model.looks.pixel
    index = open_pictures(stored.folder / "neighbours.safetensors")
    assert {told.licence for told in index.told} == {"Apache-2.0", "CC-BY-4.0", "CC0-1.0", "MIT"}
    assert reals(load_arrays(stored.folder, "weights")[0]["second.out.weight"]).any()


def test_what_cleans_drawings_knows_whose_they_are() -> None:
    model = ROOM.build(store.stored("icons-128"))
    assert isinstance(model, Cleaned) and (model.native_px, model.drawer.native_px) == (128, 32)
    assert (model.drawer.sha256, model.learned_as) == (SHIPPED["icons-32"].sha256, "icons-32")
    assert model.concepts == model.drawer.concepts and SHIPPED["icons-32"].sha256[:16] in model.training_data
    rows, columns = np.indices((32, 32)) - 15.5
    disc = np.where((rows**2 + columns**2 < 12**2)[..., None], (220, 40, 40, 255), (0, 0, 0, 0)).astype(np.uint8)
    made = model.cleaned(disc)
    assert made.shape == (128, 128, 4)
    assert np.abs(resized(made[None], 32)[0].astype(float) - disc).mean() < 12


def test_another_way_to_draw_with_the_same_weights_is_taken_from_a_newer_version() -> None:
    facts = store.stored("icons-32").folder / "model.json"
    as_it_came = facts.read_text()
    told = json.loads(as_it_came)
    facts.write_text(json.dumps(told | {"usual": {**told["usual"], "tries": 1}}))
    assert store.stored("icons-32").folder == facts.parent
    assert facts.read_text() == as_it_came
