"""A refiner against its judge: it draws what a model drew once more, and its checkpoint serves the room."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from makar import recipes, store
from makar.cli import main
from makar.codecs.pack import open_pack
from makar.codecs.pixels import to_values
from makar.generate.load import load
from makar.kit.errors import BadInput, Damaged
from makar.nets.shards import load_shards
from makar.rooms.image import ROOM, ImageRequest, ImageSampling
from makar.rooms.image.models import patchflow
from makar.rooms.image.models.refined import Refined, build
from makar.store.native import REFINER, family_of
from makar.train.checkpoint import checkpoints
from makar.train.contest.config import Refine, Watch
from makar.train.contest.drawn import STARTS, drawing_of, drawn, tasks_of
from makar.train.contest.run import Prepared, open_session, prepare, reopen, watched
from makar.train.pictures import run as drawing

SETTINGS = ("--set", "refine.model=small", "--set", "refine.widths=[8, 16]", "--set", "refine.num_blocks=[1, 1]",
            "--set", "refine.fine_dim=4", "--set", "batch=8", "--set", "alone_steps=1", "--set", "workers=1")


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
    config = recipes.load("image/icons_refined_cpu").config()
    return prepare(out, dataclasses.replace(config, **{
        "batch": 8, "alone_steps": 2, "workers": 1,
        "refine": Refine("small", widths=(8, 16), num_blocks=(1, 1), fine_dim=4),
        "optimise": dataclasses.replace(config.optimise, ema=0.9, rate=2e-3),
        "schedule": dataclasses.replace(config.schedule, num_steps=num_steps, warmup_steps=2),
        "watch": Watch(validate_steps=20, sheet_steps=1000), **changes}), pack)


def test_every_larger_picture_is_drawn_twice_and_only_once(tmp_path: Path, pack: Path) -> None:
    opened = open_pack(pack)
    found = drawn(tmp_path / "drawn", opened, "small")
    assert sorted(found.places) == sorted([*range(len(opened.entries))] * 2)
    assert found.pixels.shape[1:] == (8, 8, 4) and np.count_nonzero(found.starts) * 2 == len(found.starts)
    assert all(not start or STARTS[0] <= start <= STARTS[1] for start in found.starts)
    model = patchflow.build(store.stored("small"))
    for task in list(tasks_of(opened, model))[:4]:
        real = opened.pixels(16)[1][task.place]
        assert np.array_equal(found.pixels[task.number], drawing_of(opened, model, task, real))
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "drawn").iterdir()}
    assert drawn(tmp_path / "drawn", opened, "small").root == found.root
    assert times == {path: path.stat().st_mtime_ns for path in (tmp_path / "drawn").iterdir()}
    assert drawn(tmp_path / "by two", opened, "small", 2).root == found.root
    first = min(times)
    first.write_bytes(b"no shard")
    with pytest.raises(Damaged, match="delete it"):
        drawn(tmp_path / "drawn", opened, "small")


def test_it_learns_and_its_checkpoint_serves_the_room(tmp_path: Path, pack: Path) -> None:
    prepared = begun(tmp_path / "run", pack, 60)
    folder = list(watched(prepared, open_session(prepared)))[-1].checkpoint
    assert folder is not None and family_of(folder) == REFINER
    rows = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert len(rows) == 60 and rows[0]["critic_loss"] == 0 < rows[-1]["critic_loss"]
    assert rows[-1]["train_error"] < rows[19]["train_error"]
    assert (tmp_path / "run" / "sheet-00000060.png").stat().st_size > 100
    assert "small" in (folder / "card.md").read_text()
    taken = store.add(folder, "large")
    assert store.verify("large", progress=False).ok and "small" in taken.training_data
    model, by_itself = load(ROOM, "large"), load(ROOM, "small")
    assert isinstance(model, Refined) and (model.native_px, model.learned_as) == (16, "small")
    request = ImageRequest("large red circle", "large", n=3, sampling=ImageSampling(seed=4, num_steps=2))
    together = [pixels for _, pixels in model.pictures(request)]
    plain = [pixels for _, pixels in by_itself.pictures(request)]
    assert [picture.shape for picture in together] == [(16, 16, 4)] * 3
    assert all(np.array_equal(model.refined(given, None), made) for given, made in zip(plain, together, strict=True))
    again = dataclasses.replace(request, n=1, sampling=ImageSampling(seed=6, num_steps=2))
    assert next(model.pictures(again))[1].tobytes() == together[2].tobytes()


def test_what_shows_its_pixels_stays_as_it_was_drawn(tmp_path: Path, pack: Path) -> None:
    prepared = begun(tmp_path / "run", pack, 3)
    folder = list(watched(prepared, open_session(prepared)))[-1].checkpoint
    assert folder is not None
    store.add(folder, "large")
    model = load(ROOM, "large")
    assert isinstance(model, Refined)
    squares = dataclasses.replace(model.looks, pixel=("hollow",))
    crisp = dataclasses.replace(model, drawer=dataclasses.replace(model.drawer, looks=squares))
    request = ImageRequest("large red circle", "large", "hollow", sampling=ImageSampling(num_steps=2))
    assert next(model.pictures(request))[1].shape == (16, 16, 4)
    assert next(crisp.pictures(request))[1].shape == (8, 8, 4)


def test_a_refiner_and_another_model_than_its_own_are_refused(tmp_path: Path, pack: Path, small: Path) -> None:
    prepared = begun(tmp_path / "run", pack, 3)
    folder = list(watched(prepared, open_session(prepared)))[-1].checkpoint
    assert folder is not None
    store.add(folder, "large")
    longer = drawing.reopen(small.parents[1])
    other = drawing.prepare(tmp_path / "other", dataclasses.replace(longer.config, seed=1), pack)
    trained = list(drawing.watched(other, drawing.open_session(other)))[-1].checkpoint
    assert trained is not None
    store.remove("small")
    store.add(trained, "small")
    with pytest.raises(BadInput, match="train the refiner anew"):
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
    prepared = begun(tmp_path / "run", pack, 3)
    session, opened = open_session(prepared), open_pack(pack)
    _, pixels = opened.pixels(16)
    rows = {split: {to_values(pixels[place][None]).tobytes() for place, entry in enumerate(opened.entries)
                    if entry.split == split} for split in ("train", "held_out")}
    for examples, split in ((session.examples, "train"), (session.held_out, "held_out")):
        batch = examples.batch(torch.arange(len(examples)), torch.Generator().manual_seed(0))
        seen = {values.numpy()[None].tobytes() for values in (*batch.clean, *batch.clean.flip(3))}
        assert rows[split] <= seen and (split == "train" or not seen & (rows["train"] - rows["held_out"]))


def test_the_command_draws_trains_and_says_what_is_wrong(tmp_path: Path, pack: Path,
                                                         capsys: pytest.CaptureFixture[str]) -> None:
    command = ["train", "image/icons_refined_cpu", "--data", str(pack), "-o", str(tmp_path / "run"), *SETTINGS]
    assert main([*command, "--set", "refine.widths=[7, 16, 24, 32, 40]"]) == 2
    assert "do not fit" in capsys.readouterr().err
    assert main([*command, "--set", "refine.model=nobody"]) == 2
    assert "nobody" in capsys.readouterr().err
    assert main([*command, "--set", "schedule.num_steps=3"]) == 0
    assert checkpoints(tmp_path / "run")
