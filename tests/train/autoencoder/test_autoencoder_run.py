"""An autoencoder learns to clean pictures, and its checkpoint serves the room beside the model that draws."""

from __future__ import annotations

import base64
import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from makar import recipes, store
from makar.cli import main
from makar.codecs.pack import open_pack
from makar.codecs.picture import encoded
from makar.generate.load import load
from makar.kit.errors import BadInput
from makar.nets.shards import load_shards
from makar.rooms.image import ROOM, ImageRequest, ImageSampling
from makar.rooms.image.models.cleaned import Cleaned, build
from makar.rooms.image.request import Reference
from makar.store.native import AUTOENCODER, family_of
from makar.train.autoencoder.config import Spoil, Watch
from makar.train.autoencoder.loop import distance, moved, noisy, spoilt
from makar.train.autoencoder.run import Prepared, open_session, prepare, reopen, watched
from makar.train.checkpoint import checkpoints
from makar.train.pictures import run as drawing

SETTINGS = ("--set", "model=small", "--set", "widths=[8, 16]", "--set", "fine_dim=4", "--set", "times=2",
            "--set", "batch=8", "--set", "workers=1")


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Shapes of 16 px."""
    return recipes.load("image/tiny").obtain(tmp_path_factory.mktemp("tiny")).folder


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory, pack: Path) -> Path:
    """A model of them in 8 px."""
    config = recipes.load("image/tiny").config()
    prepared = drawing.prepare(tmp_path_factory.mktemp("small") / "run", dataclasses.replace(
        config, size=1, batch=16, net=dataclasses.replace(config.net, size_px=8, patch_px=4),
        schedule=dataclasses.replace(config.schedule, num_steps=3),
        watch=dataclasses.replace(config.watch, sheet_steps=1000, num_steps=2)), pack)
    folder = list(drawing.watched(prepared, drawing.open_session(prepared)))[-1].checkpoint
    assert folder is not None
    return folder


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: Path) -> object:
    monkeypatch.setenv("MAKAR_HOME", str(tmp_path / "home"))
    store.add(small, "small")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def begun(out: Path, pack: Path, num_steps: int, **changes: object) -> Prepared:
    config = recipes.load("image/icons_clean_cpu").config()
    return prepare(out, dataclasses.replace(config, **{
        "model": "small", "widths": (8, 16), "fine_dim": 4, "times": 2, "batch": 8, "workers": 1, "shift_px": 1,
        "optimise": dataclasses.replace(config.optimise, ema=0.9, rate=4e-3),
        "schedule": dataclasses.replace(config.schedule, num_steps=num_steps, warmup_steps=2),
        "watch": Watch(validate_steps=20, sheet_steps=1000), **changes}), pack)


def trained(out: Path, pack: Path, num_steps: int) -> Path:
    prepared = begun(out, pack, num_steps)
    folder = list(watched(prepared, open_session(prepared)))[-1].checkpoint
    assert folder is not None
    return folder


def test_it_learns_and_its_checkpoint_serves_the_room(tmp_path: Path, pack: Path) -> None:
    folder = trained(tmp_path / "run", pack, 300)
    assert family_of(folder) == AUTOENCODER
    rows = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert len(rows) == 300 and rows[-1]["error"] < 0.6 * rows[19]["error"] and rows[-1]["loss"] < 0.6 * rows[0]["loss"]
    assert (tmp_path / "run" / "sheet-00000300.png").stat().st_size > 100
    assert "small" in (folder / "card.md").read_text()
    taken = store.add(folder, "large")
    assert store.verify("large", progress=False).ok and "small" in taken.training_data
    model, by_itself = load(ROOM, "large"), load(ROOM, "small")
    assert isinstance(model, Cleaned) and (model.native_px, model.learned_as) == (16, "small")
    request = ImageRequest("large red circle", "large", n=3, sampling=ImageSampling(seed=4, num_steps=2))
    together = [pixels for _, pixels in model.pictures(request)]
    plain = [pixels for _, pixels in by_itself.pictures(request)]
    assert [picture.shape for picture in together] == [(16, 16, 4)] * 3
    assert all(np.array_equal(model.cleaned(given), made) for given, made in zip(plain, together, strict=True))
    again = dataclasses.replace(request, n=1, sampling=ImageSampling(seed=6, num_steps=2))
    assert next(model.pictures(again))[1].tobytes() == together[2].tobytes()


def test_what_shows_its_pixels_stays_as_it_was_drawn(tmp_path: Path, pack: Path) -> None:
    store.add(trained(tmp_path / "run", pack, 3), "large")
    model = load(ROOM, "large")
    assert isinstance(model, Cleaned)
    squares = dataclasses.replace(model.looks, pixel=("hollow",))
    crisp = dataclasses.replace(model, drawer=dataclasses.replace(model.drawer, looks=squares))
    request = ImageRequest("large red circle", "large", "hollow", sampling=ImageSampling(num_steps=2))
    assert next(model.pictures(request))[1].shape == (16, 16, 4)
    assert next(crisp.pictures(request))[1].shape == (8, 8, 4)


def test_what_a_mask_keeps_stays_as_it_was_given(tmp_path: Path, pack: Path) -> None:
    store.add(trained(tmp_path / "run", pack, 3), "large")
    model, given = load(ROOM, "large"), open_pack(pack).pixels(16)[1][0]
    mask = np.zeros((16, 16, 4), np.uint8)
    mask[:, :8] = 255
    riding = [base64.b64encode(encoded(pixels, "png")).decode() for pixels in (given, mask)]
    request = ImageRequest("large red circle", "large", sampling=ImageSampling(num_steps=2),
                           reference=Reference(riding[0], 0.8, riding[1]))
    made = next(model.pictures(request))[1]
    assert np.array_equal(made[:, 8:], given[:, 8:]) and not np.array_equal(made[:, :8], given[:, :8])


def test_another_model_than_its_own_is_refused(tmp_path: Path, pack: Path, small: Path) -> None:
    store.add(trained(tmp_path / "run", pack, 3), "large")
    longer = drawing.reopen(small.parents[1])
    other = drawing.prepare(tmp_path / "other", dataclasses.replace(longer.config, seed=1), pack)
    folder = list(drawing.watched(other, drawing.open_session(other)))[-1].checkpoint
    assert folder is not None
    store.remove("small")
    store.add(folder, "small")
    with pytest.raises(BadInput, match="train the autoencoder anew"):
        build(store.stored("large"))


def test_resumed_it_goes_on_to_the_bit(tmp_path: Path, pack: Path) -> None:
    straight = begun(tmp_path / "straight", pack, 6)
    list(watched(straight, open_session(straight)))
    broken = begun(tmp_path / "broken", pack, 6, watch=Watch(checkpoint_steps=3))
    for progress in watched(broken, open_session(broken)):
        if progress.step == 4:
            break
    again = reopen(tmp_path / "broken")
    assert [row.step for row in watched(again, open_session(again, resume=True))] == [4, 5, 6]
    ours, theirs = (load_shards(checkpoints(tmp_path / name)[-1], "state")[0] for name in ("straight", "broken"))
    assert ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_held_out_pictures_are_never_trained_on(tmp_path: Path, pack: Path) -> None:
    session, opened = open_session(begun(tmp_path / "run", pack, 3)), open_pack(pack)
    places, pixels = opened.pixels(16)
    rows = {split: {one.tobytes() for place, one in zip(places, pixels, strict=True)
                    if opened.entries[place].split == split} for split in ("train", "held_out")}
    assert {one.numpy().tobytes() for one in session.pictures} == rows["train"]
    assert {one.numpy().tobytes() for one in session.held_out} == rows["held_out"]


def test_pictures_are_spoilt_no_more_than_is_said() -> None:
    pictures = torch.rand(64, 4, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    random = torch.Generator().manual_seed(1)
    assert torch.equal(spoilt(pictures, Spoil(frac=0.0), random), pictures)
    touched = (spoilt(pictures, Spoil(frac=0.75), random) != pictures).flatten(1).any(1).float().mean()
    assert 0.55 < touched < 0.95
    flat = torch.full((32, 4, 16, 16), 0.5)
    assert torch.allclose(spoilt(flat, Spoil(frac=1.0, spots=0.0), random), flat)
    assert torch.equal(noisy(flat, 0.0, random), flat) and 0.1 < (noisy(flat, 0.5, random) - flat).std() < 0.5
    assert torch.equal(torch.sort(moved(pictures, 3, random).flatten(1)).values, torch.sort(pictures.flatten(1)).values)
    assert distance(flat, flat) == 0 < distance(flat, spoilt(flat, Spoil(frac=1.0), random))


def test_the_command_trains_and_says_what_is_wrong(tmp_path: Path, pack: Path,
                                                   capsys: pytest.CaptureFixture[str]) -> None:
    command = ["train", "image/icons_clean_cpu", "--data", str(pack), "-o", str(tmp_path / "run"), *SETTINGS]
    for setting, complaint in (("latent_dim=0", "latent_dim"), ("model=nobody", "nobody"), ("spoil.frac=2", "frac"),
                               ("model=avatars-16", "kind"), ("times=4", "32 pixels")):
        assert main([*command, "--set", setting]) == 2
        assert complaint in capsys.readouterr().err
    assert main([*command, "--set", "schedule.num_steps=3"]) == 0
    assert checkpoints(tmp_path / "run")
