"""An autoencoder learns to clean pictures, and its checkpoint serves the room beside the model that draws."""

from __future__ import annotations

import base64
import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from makar import recipes, store
from makar.cli import main
from makar.codecs.pack import open_pack
from makar.codecs.picture import encoded
from makar.codecs.pixels import resized, to_values
from makar.generate.load import load
from makar.kit.errors import BadInput, Damaged
from makar.native.pictures import Asked
from makar.nets.shards import load_shards
from makar.rooms.image import ROOM, ImageRequest, ImageSampling
from makar.rooms.image.models.cleaned import Cleaned, build
from makar.rooms.image.request import Reference
from makar.store.native import AUTOENCODER, family_of
from makar.train.autoencoder.checkpoint import matrices
from makar.train.autoencoder.config import Spoil, Watch
from makar.train.autoencoder.drawings import Known, drawings
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
        "spoil": Spoil(),
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
    assert session.held_out is not None
    assert {one.numpy().tobytes() for one in session.pictures.pixels} == rows["train"]
    assert {one.numpy().tobytes() for one in session.held_out.pixels} == rows["held_out"]


def test_it_learns_to_mend_what_the_model_draws(tmp_path: Path, pack: Path, small: Path) -> None:
    spoil = Spoil(drawn=0.5, drawings=2)
    prepared = begun(tmp_path / "run", pack, 60, spoil=spoil, watch=Watch(validate_steps=20, checkpoint_steps=30))
    session = open_session(prepared)
    assert session.pictures.drawn is not None and session.pictures.drawn.shape[1:] == (2, 8, 8, 4)
    assert not torch.equal(session.pictures.drawn[:, 0], session.pictures.drawn[:, 1])
    rows = list(watched(prepared, session))
    seen = [row.drawn_error for row in rows if row.drawn_error is not None]
    assert len(seen) == 3 and seen[-1] < seen[0]
    files = {path: path.read_bytes() for path in (tmp_path / "run" / "drawn").iterdir()}
    again = open_session(reopen(tmp_path / "run"), resume=True)
    assert again.pictures.drawn is not None and torch.equal(again.pictures.drawn, session.pictures.drawn)
    first = min(files)
    first.unlink()
    open_session(reopen(tmp_path / "run"), resume=True)
    assert first.read_bytes() == files[first]
    first.write_bytes(b"drawn")
    with pytest.raises(Damaged, match="remove it"):
        open_session(reopen(tmp_path / "run"), resume=True)


def test_who_finds_every_picture_draws_it_as_it_is(tmp_path: Path, pack: Path) -> None:
    opened = open_pack(pack)
    places, pixels = opened.pixels(16)
    known = Known([opened.entries[places[0]]], pixels[:1])
    small = resized(pixels[:1], 8)

    class Finds:
        def __call__(self, z: np.ndarray, time: float, asked: Asked) -> np.ndarray:
            return np.repeat(to_values(small), len(z), 0)

    model = dataclasses.replace(load(ROOM, "small"), net=Finds())
    drawn = drawings(tmp_path, "train", model, known, 3, 1)
    assert drawn.shape == (1, 3, 8, 8, 4) and np.abs(drawn[0].astype(int) - small).max() <= 1


def test_pictures_are_spoilt_no_more_than_is_said() -> None:
    pictures = torch.rand(64, 4, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    random = torch.Generator().manual_seed(1)
    assert torch.equal(spoilt(pictures, Spoil(frac=0.0), random), pictures)
    touched = (spoilt(pictures, Spoil(frac=0.75), random) != pictures).flatten(1).any(1).float().mean()
    assert 0.55 < touched < 0.95
    flat = torch.full((32, 4, 16, 16), 0.5)
    assert torch.allclose(spoilt(flat, Spoil(frac=1.0, spots=0.0), random), flat)
    assert torch.equal(noisy(flat, 0.0, random), flat) and 0.1 < (noisy(flat, 0.5, random) - flat).std() < 0.5
    large, small = moved(pictures, 5, random, functional.avg_pool2d(pictures, 2))
    assert torch.equal(torch.sort(large.flatten(1)).values, torch.sort(pictures.flatten(1)).values)
    assert torch.allclose(functional.avg_pool2d(large, 2), small) and not torch.equal(large, pictures)
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


def test_it_goes_on_from_another_autoencoder(tmp_path: Path, pack: Path) -> None:
    earlier = trained(tmp_path / "first", pack, 20)
    prepared = begun(tmp_path / "second", pack, 2, start=str(earlier))
    session = open_session(prepared)
    kept = load_shards(earlier, "weights")[0]
    assert torch.equal(matrices(dict(session.net.named_parameters()))["fine.weight"], kept["fine.weight"].float())
    facts = json.loads((earlier / "model.json").read_text())
    folder = list(watched(prepared, session))[-1].checkpoint
    assert folder is not None
    after = json.loads((folder / "model.json").read_text())
    assert after["trained"]["start"]["sha256"] == facts["weights_sha256"]
    assert facts["weights_sha256"][:16] in after["training_data"]
    assert after["training_data"].count("what it cleans") == 1
    with pytest.raises(BadInput, match="another shape"):
        begun(tmp_path / "other", pack, 2, start=str(earlier), latent_dim=3)


def test_a_model_of_your_own_is_cleaned_by_your_pictures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = tmp_path / "own"
    own.mkdir()
    for number in range(6):
        pixels = np.zeros((150, 150, 4), np.uint8)
        pixels[10 + 10 * number:, 20:130] = (40 * number, 80, 200, 255)
        (own / f"flag {number}.png").write_bytes(encoded(pixels, "png"))
    command = ["train", "image/own_clean", "--data", str(own), "-o", str(tmp_path / "run")]
    assert main(command) == 2 and "--set model=NAME" in capsys.readouterr().err
    assert main([*command, "--set", "model=icons-32", "--set", "schedule.num_steps=2", "--set", "batch=2"]) == 0
    assert main(["models", "add", str(checkpoints(tmp_path / "run")[-1]), "--name", "mine"]) == 0
    model = load(ROOM, "mine")
    assert isinstance(model, Cleaned) and (model.native_px, model.learned_as) == (128, "icons-32")
