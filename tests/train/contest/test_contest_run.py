"""A painter against a critic: both learn, a broken run goes on to the bit, and its checkpoint paints what is asked."""

from __future__ import annotations

import dataclasses
import json
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch

from makar import recipes
from makar.cli import main
from makar.codecs.attributed import Facts, open_attributed, write_attributed
from makar.kit.errors import BadInput, Damaged, NotHere
from makar.nets.shards import load_shards
from makar.rooms.image import ImageRequest, ImageSampling
from makar.rooms.image.models.avatars import Avatars, build
from makar.store import native
from makar.store.stored_model import StoredModel
from makar.train.checkpoint import checkpoints
from makar.train.contest.config import Net, Watch
from makar.train.contest.run import Prepared, open_session, prepare, reopen, watched

SIDE_PX = 8
COLOURS = {"#d02020": (208, 32, 32, 255), "#2020d0": (32, 32, 208, 255)}
WORDS = {"": {"large": {"size": ("large",)}},
         "square": {"": {}, "red": {"square colour": ("#d02020",)}, "blue": {"square colour": ("#2020d0",)},
                    "small": {"size": ("small",)}}}


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    monkeypatch.setenv("MAKAR_HOME", str(tmp_path / "home"))
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def squares(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("squares") / "squares.safetensors"
    rows, pixels = [], np.zeros((32, SIDE_PX, SIDE_PX, 4), np.uint8)
    for index, (colour, size) in enumerate(list(product(COLOURS, ("large", "small"))) * 8):
        edge = 1 if size == "large" else 3
        pixels[index, edge:SIDE_PX - edge, edge:SIDE_PX - edge] = COLOURS[colour]
        rows.append({"size": size, "square colour": colour})
    write_attributed(path, pixels, rows, Facts("made here", "CC0-1.0", "Makar", WORDS))
    return path


def begun(out: Path, data: Path, num_steps: int, **changes: object) -> Prepared:
    config = recipes.load("image/avatars_cpu").config()
    return prepare(out, dataclasses.replace(config, **{
        "batch": 16, "held_out_frac": 0.25, "alone_steps": 0, "net": Net(8, 16, 64, 1, 4),
        "optimise": dataclasses.replace(config.optimise, ema=0.9),
        "schedule": dataclasses.replace(config.schedule, num_steps=num_steps, warmup_steps=2),
        "watch": Watch(validate_steps=50, sheet_steps=1000), **changes}), data)


def trained(out: Path, data: Path) -> tuple[Avatars, Path]:
    prepared = begun(out, data, 200)
    folder = [row.checkpoint for row in watched(prepared, open_session(prepared))][-1]
    assert folder is not None
    found = native.origin(folder, "squares")
    facts = json.loads((folder / "model.json").read_text())
    return build(StoredModel("squares", folder, found.sha256, "", found.licence, found.training_data,
                             facts["architecture"], found.bytes)), folder


def test_it_learns_and_its_checkpoint_paints_what_is_asked_for(tmp_path: Path, squares: Path) -> None:
    model, folder = trained(tmp_path / "run", squares)
    rows = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert len(rows) == 200 and rows[-1]["error"] < 12 < rows[49]["error"]
    assert rows[-1]["critic_loss"] > 0
    assert (tmp_path / "run" / "sheet-00000200.png").stat().st_size > 100
    assert {"neighbours.safetensors", "card.md", "weights.json"} <= {file.name for file in folder.iterdir()}
    request = ImageRequest("a large blue square", "squares", n=4, sampling=ImageSampling(seed=3))
    together = [pixels for _, pixels in model.pictures(request)]
    for pixels in together:
        red, _, blue, opacity = pixels[1, 1]
        assert opacity == 255 and blue > red + 80 and pixels[0, 0, 3] == 0
    again = dataclasses.replace(request, n=1, sampling=ImageSampling(seed=5))
    assert next(model.pictures(again))[1].tobytes() == together[2].tobytes()


def test_words_are_known_or_told(tmp_path: Path, squares: Path) -> None:
    model, _ = trained(tmp_path / "run", squares)
    known = model.nearness("a small red square")
    assert known.score_frac == 1 and known.concepts == ("small red square",) and known.unknown == ()
    stranger = model.nearness("a dragon")
    assert not stranger.known and stranger.unknown == ("dragon",) and stranger.concepts == ("large", "square")


@pytest.mark.parametrize("changes", [{}, {"alone_steps": 3}, {"workers": 2}], ids=["plain", "alone at first", "two"])
def test_resumed_it_goes_on_to_the_bit(tmp_path: Path, squares: Path, changes: dict[str, object]) -> None:
    straight = begun(tmp_path / "straight", squares, 6, **changes)
    list(watched(straight, open_session(straight)))
    broken = begun(tmp_path / "broken", squares, 6, **{**changes, "watch": Watch(checkpoint_steps=3)})
    for progress in watched(broken, open_session(broken)):
        if progress.step == 4:
            break
    again = reopen(tmp_path / "broken")
    assert [row.step for row in watched(again, open_session(again, resume=True))] == [4, 5, 6]
    ours, theirs = (load_shards(checkpoints(tmp_path / name)[-1], "state")[0] for name in ("straight", "broken"))
    assert ours.keys() == theirs.keys() and any(name.startswith("critic/opt/") for name in ours)
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_bad_input_is_told_in_a_line(tmp_path: Path, squares: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def told(*arguments: str) -> str:
        assert main(["train", "image/avatars_cpu", "-o", str(tmp_path / "run"), *arguments]) == 2
        said = capsys.readouterr().err.strip()
        assert said.startswith("makar: ") and "\n" not in said
        return said

    assert "there are no pictures" in told("--data", str(tmp_path / "none.safetensors"))
    assert "net.num_inks" in told("--data", str(squares), "--set", "net.num_inks=1")
    assert "likeness" in told("--data", str(squares), "--set", "likeness=0")
    assert "no run" in told("--resume")


def test_a_file_that_was_changed_is_refused(tmp_path: Path, squares: Path) -> None:
    whole = squares.read_bytes()
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(whole[:-40])
    with pytest.raises(Damaged, match="make it anew"):
        open_attributed(broken)
    with pytest.raises(NotHere):
        open_attributed(tmp_path / "missing")
    prepared = begun(tmp_path / "run", squares, 2)
    rows = [{"size": "large", "square colour": "#d02020"}] * 32
    write_attributed(broken, prepared.data.pixels, rows, prepared.data.facts)
    with pytest.raises(Damaged, match="begun on"):
        reopen(tmp_path / "run", broken)
    with pytest.raises(BadInput, match="already"):
        begun(tmp_path / "run", squares, 2)
