"""A run on pictures: it learns, goes on to the bit after a break, and its checkpoint holds what drawing needs."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from makar import recipes
from makar.cli import main
from makar.codecs.pixels import resized, to_pixels, to_values
from makar.kit.errors import BadInput, Damaged
from makar.kit.lock import alone_in
from makar.methods.flow import euler, steps
from makar.nets.patches import PatchTransformer
from makar.nets.shards import load_shards, save_shards
from makar.rooms.image.drawing import denoiser
from makar.train.checkpoint import checkpoints
from makar.train.pictures.config import Config, Early, Leaps, resolved
from makar.train.pictures.data import Dropped, load_pictures, values_of
from makar.train.pictures.loop import at_one_time
from makar.train.pictures.run import Prepared, open_session, prepare, reopen, watched
from makar.train.pictures.sheet import contact_sheet, on_chequers

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "image_tiny_loss.json"
# The command that regenerates it: MAKAR_GOLDEN=write pytest tests/train/pictures -k committed


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    monkeypatch.setenv("MAKAR_HOME", str(tmp_path / "home"))
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return recipes.load("image/tiny").obtain(tmp_path_factory.mktemp("tiny")).folder


EARLY = Early(num_components=24, dim=64, num_layers=1, hidden_dim=64, handover=0.3)


def begun(out: Path, pack: Path, num_steps: int, early: Early | None = None, **watch: int) -> Prepared:
    config = recipes.load("image/tiny").config()
    config = dataclasses.replace(config, net=dataclasses.replace(config.net, early=early))
    return prepare(out, dataclasses.replace(
        config, size=1, batch=16, schedule=dataclasses.replace(config.schedule, num_steps=num_steps),
        watch=dataclasses.replace(config.watch, sheet_steps=1000, num_steps=2, **watch)), pack)


def weights_of(out: Path) -> dict[str, torch.Tensor]:
    return load_shards(checkpoints(out)[-1], "state")[0]


def expect_same_weights(one: Path, other: Path) -> None:
    """Two runs ended with the same bits."""
    ours, theirs = weights_of(one), weights_of(other)
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_it_learns_and_writes_what_it_saw(tmp_path: Path, pack: Path) -> None:
    prepared = begun(tmp_path / "run", pack, 40)
    rows = list(watched(prepared, open_session(prepared)))
    assert rows[-1].loss < rows[0].loss / 3
    assert rows[-1].validation_loss is not None and rows[-1].checkpoint is not None
    assert len((tmp_path / "run" / "log.jsonl").read_text().splitlines()) == 40
    assert (tmp_path / "run" / "sheet-00000040.png").stat().st_size > 100
    model = json.loads((rows[-1].checkpoint / "model.json").read_text())
    assert model["family"] == "patchflow" and model["reader"] == "hashed" and "CC0-1.0" in model["licence"]
    assert "Makar (CC0-1.0; shapes)" in (rows[-1].checkpoint / "card.md").read_text()


def test_a_relay_learns_and_keeps_the_components_that_its_data_have(tmp_path: Path, pack: Path) -> None:
    prepared = begun(tmp_path / "run", pack, 40, EARLY)
    session = open_session(prepared)
    basis = session.net.state_dict()["first.basis"].clone()
    rows = list(watched(prepared, session))
    assert basis.any() and torch.equal(session.net.state_dict()["first.basis"], basis)
    assert rows[-1].loss < rows[0].loss / 2
    assert "24 principal components of the whole" in (rows[-1].checkpoint or tmp_path).joinpath("card.md").read_text()


def test_a_relay_can_begin_with_the_first_net_of_one_model_and_the_second_of_another(tmp_path: Path,
                                                                                    pack: Path) -> None:
    runs = [begun(tmp_path / "relay", pack, 2, EARLY), begun(tmp_path / "alone", pack, 2)]
    for run in runs:
        list(watched(run, open_session(run)))
    folders = [checkpoints(run.out)[-1] for run in runs]
    kept = [load_shards(folder, "weights")[0] for folder in folders]
    folders[1] = folders[1].rename(tmp_path / "a+b")  # a folder with that in its name is one
    alone = prepare(tmp_path / "again", dataclasses.replace(runs[1].config, start=str(folders[1])), pack)
    assert open_session(alone).net.state_dict()["out.weight"].any()
    folders[1] = folders[1].rename(tmp_path / "alone-again")
    both = prepare(tmp_path / "both", dataclasses.replace(runs[0].config, start="+".join(map(str, folders))), pack)
    weights = open_session(both).net.state_dict()
    assert torch.equal(weights["first.out.weight"].bfloat16(), kept[0]["first.out.weight"])
    assert torch.equal(weights["second.out.weight"].bfloat16(), kept[1]["out.weight"])
    assert " and " in both.start["sha256"]
    tensors, facts = load_shards(folders[1], "weights")
    save_shards(folders[1], "weights", tensors | {"words.mean": tensors["words.mean"] + 1e-6}, facts)
    open_session(both)  # as another processor has them
    save_shards(folders[1], "weights", tensors | {"words.mean": tensors["words.mean"] + 1}, facts)
    with pytest.raises(BadInput, match="told words in another way"):
        open_session(both)


def test_the_loss_is_the_committed_one(tmp_path: Path, pack: Path) -> None:
    config = recipes.load("image/tiny").config()
    prepared = prepare(tmp_path / "run", dataclasses.replace(
        config, batch=32, schedule=dataclasses.replace(config.schedule, num_steps=60),
        watch=dataclasses.replace(config.watch, num_steps=2)), pack)
    losses = [progress.loss for progress in watched(prepared, open_session(prepared))]
    if os.environ.get("MAKAR_GOLDEN") == "write":
        GOLDEN.write_text(json.dumps({"recipe": "image/tiny", "loss": [round(loss, 5) for loss in losses]}) + "\n")
    golden = json.loads(GOLDEN.read_text())["loss"]
    assert losses == pytest.approx(golden, abs=0.02)  # other processors round otherwise, and rounding grows
    assert losses[:10] == pytest.approx(golden[:10], abs=1e-3)
    assert losses[-1] < losses[0] / 3


@pytest.mark.parametrize("early", [None, EARLY], ids=["one net", "relay"])
def test_resumed_it_goes_on_to_the_bit(tmp_path: Path, pack: Path, early: Early | None) -> None:
    straight = begun(tmp_path / "straight", pack, 6, early)
    list(watched(straight, open_session(straight)))
    broken = begun(tmp_path / "broken", pack, 6, early, checkpoint_steps=3)
    for progress in watched(broken, open_session(broken)):
        if progress.step == 4:
            break
    again = reopen(tmp_path / "broken")
    rows = list(watched(again, open_session(again, resume=True)))
    assert [row.step for row in rows] == [4, 5, 6]
    expect_same_weights(tmp_path / "straight", tmp_path / "broken")


def test_a_run_can_start_from_another_one_s_weights(tmp_path: Path, pack: Path) -> None:
    first = begun(tmp_path / "first", pack, 2)
    list(watched(first, open_session(first)))
    start = str(checkpoints(tmp_path / "first")[-1])
    second = prepare(tmp_path / "second", dataclasses.replace(first.config, start=start), pack)
    session = open_session(second)
    kept = load_shards(Path(start), "weights")[0]
    assert torch.equal(session.net.out.weight.to(torch.bfloat16), kept["out.weight"])
    before = json.loads(Path(start, "model.json").read_text())
    for progress in watched(second, session):
        if progress.step == 1:
            break
    again = reopen(tmp_path / "second")
    folder = list(watched(again, open_session(again)))[-1].checkpoint
    assert folder is not None
    told = json.loads((folder / "model.json").read_text())
    assert told["trained"]["start"]["sha256"] == told["trained"]["parent"] == before["weights_sha256"]
    assert told["training_data"].endswith(before["training_data"])
    assert before["weights_sha256"] in (folder / "card.md").read_text()
    with pytest.raises(BadInput, match="another shape"):
        open_session(dataclasses.replace(second, config=resolved(dataclasses.replace(
            second.config, net=dataclasses.replace(second.config.net, num_layers=1, dim=128, hidden_dim=None)))))


def student_of(out: Path, teacher: Prepared, num_steps: int, **watch: int) -> Prepared:
    """A run in which the net learns to draw in two steps what the teacher's last checkpoint draws in eight."""
    start = str(checkpoints(teacher.out)[-1])
    config = dataclasses.replace(
        teacher.config, start=start, leaps=Leaps(num_steps=2, taught_steps=4), seed=1,
        optimise=dataclasses.replace(teacher.config.optimise, name="adamw", rate=5e-3, weight_decay=0.0),
        schedule=dataclasses.replace(teacher.config.schedule, num_steps=num_steps),
        watch=dataclasses.replace(teacher.config.watch, num_steps=2, guidance=1.0, **watch))
    return prepare(out, config, teacher.pack.folder)


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory, pack: Path) -> Prepared:
    prepared = begun(tmp_path_factory.mktemp("teacher") / "run", pack, 60)
    list(watched(prepared, open_session(prepared)))
    return prepared


@torch.no_grad()
def test_a_student_draws_in_two_steps_what_its_teacher_draws_in_eight(tmp_path: Path, teacher: Prepared) -> None:
    prepared = student_of(tmp_path / "student", teacher, 120)
    session = open_session(prepared)
    rows = torch.arange(8)
    condition = session.pictures.asked(session.pictures.phrases[rows, 0], session.pictures.looks[rows, 0])
    c = session.net.config
    start = torch.randn(8, c.channels, c.size_px, c.size_px, generator=torch.Generator().manual_seed(5))

    def drawn(net: PatchTransformer, guidance: float, num: int) -> torch.Tensor:
        return euler(denoiser(at_one_time(net), condition, guidance), start, steps(num))

    assert session.teacher is not None
    wanted, before = drawn(session.teacher, 3.0, 8), drawn(session.net, 1.0, 2)
    with torch.enable_grad():
        last = list(watched(prepared, session))[-1]
    after = drawn(session.net, 1.0, 2)
    assert (after - wanted).square().mean() < 0.7 * (before - wanted).square().mean()
    assert torch.equal(drawn(session.teacher, 3.0, 8), wanted), "the teacher itself learns nothing"
    assert last.checkpoint is not None
    usual = json.loads((last.checkpoint / "model.json").read_text())["usual"]
    assert (usual["num_steps"], usual["guidance"], usual["times"]) == (2, 1.0, "")


def test_a_student_goes_on_to_the_bit(tmp_path: Path, teacher: Prepared) -> None:
    straight = student_of(tmp_path / "straight", teacher, 4)
    list(watched(straight, open_session(straight)))
    broken = student_of(tmp_path / "broken", teacher, 4, checkpoint_steps=2)
    for progress in watched(broken, open_session(broken)):
        if progress.step == 3:
            break
    again = reopen(tmp_path / "broken")
    assert [row.step for row in watched(again, open_session(again, resume=True))] == [3, 4]
    expect_same_weights(tmp_path / "straight", tmp_path / "broken")


def test_a_relay_has_students_too(tmp_path: Path, pack: Path) -> None:
    teacher = begun(tmp_path / "teacher", pack, 2, EARLY)
    list(watched(teacher, open_session(teacher)))
    student = student_of(tmp_path / "student", teacher, 6)
    session = open_session(student)
    before = {name: weight.clone() for name, weight in session.net.state_dict().items()}
    assert [row.step for row in watched(student, session)] == list(range(1, 7))
    moved = {name.partition(".")[0] for name, weight in session.net.state_dict().items()
             if not torch.equal(weight, before[name])}
    assert moved == {"first", "second"}, "one time of a step is the first net's, others are the second's"


def test_a_student_without_a_teacher_is_refused() -> None:
    with pytest.raises(BadInput, match="a model to learn from"):
        resolved(Config("image/icons_few", leaps=Leaps()))


def test_held_out_pictures_are_never_trained_on(tmp_path: Path, pack: Path) -> None:
    session = open_session(begun(tmp_path / "run", pack, 2))
    assert session.held_out is not None
    apart = {picture.tobytes() for picture in session.held_out.pixels.numpy()}
    assert apart and apart.isdisjoint(picture.tobytes() for picture in session.pictures.pixels.numpy())


def test_pixels_and_values_are_each_other_s_inverse() -> None:
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (3, 8, 8, 4)).astype(np.uint8)
    pixels[..., 3] = random.choice([0, 255], (3, 8, 8))
    pixels[pixels[..., 3] == 0] = 0
    assert np.array_equal(to_pixels(to_values(pixels)), pixels)
    assert np.allclose(to_values(pixels), values_of(torch.from_numpy(pixels)).numpy(), atol=1e-6)


def test_words_and_looks_are_left_out_as_often_as_asked(pack: Path) -> None:
    from makar.codecs.pack import open_pack

    pictures = load_pictures(open_pack(pack), "train", 16, 4, torch.device("cpu"))
    rows = torch.zeros(4000, dtype=torch.long)
    _, condition = pictures.batch(rows, torch.Generator().manual_seed(0), Dropped(0.3, 0.2))
    assert float((~condition.present.any(1)).float().mean()) == pytest.approx(0.3, abs=0.04)
    assert float((condition.looks == 0).float().mean()) == pytest.approx(0.2, abs=0.04)


def test_as_many_pictures_as_asked_are_mirrored(pack: Path) -> None:
    from makar.codecs.pack import open_pack

    pictures = load_pictures(open_pack(pack), "train", 16, 4, torch.device("cpu"))
    lopsided = torch.zeros_like(pictures.pixels)
    lopsided[:, :, :8] = 255
    pictures = dataclasses.replace(pictures, pixels=lopsided)
    rows = torch.zeros(4000, dtype=torch.long)
    clean, _ = pictures.batch(rows, torch.Generator().manual_seed(0), Dropped(mirrored_frac=0.3))
    left = clean[..., 0] > 0
    assert bool((left != (clean[..., -1] > 0)).all()), "either as it is or as in a mirror"
    assert float((~left[:, 0, 0]).float().mean()) == pytest.approx(0.3, abs=0.04)


def test_a_sheet_shows_every_picture() -> None:
    pictures = np.full((5, 8, 8, 4), 255, np.uint8)
    sheet = contact_sheet(pictures)
    assert sheet.shape == (28, 40, 4) and int((sheet[..., 3] > 0).sum()) == 5 * 64
    assert on_chequers(np.zeros((16, 16, 4), np.uint8)).min() == 238


def test_the_default_run_fits_the_files_that_carry_it() -> None:
    config = resolved(recipes.load("image/icons").config())
    with torch.device("meta"):
        net = PatchTransformer(config.architecture(60, 128))
    num_bytes = 2 * sum(weight.numel() for weight in net.parameters())
    assert 50e6 < num_bytes < 4 * 15 * 2**20


@pytest.mark.parametrize(("setting", "value"), [("size", 0), ("batch", 0), ("net.patch_px", 7), ("net.dim", 100)])
def test_settings_that_do_not_go_together_are_named(setting: str, value: int) -> None:
    from makar.kit.config import replace_at

    with pytest.raises(BadInput, match=setting.split(".")[-1]):
        resolved(replace_at(Config("image/tiny"), setting, value))


def test_the_command_makes_data_trains_and_resumes(tmp_path: Path, capsys: pytest.CaptureFixture[str],
                                                   pack: Path) -> None:
    out = str(tmp_path / "run")
    small = ["--set", "size=1", "--set", "schedule.num_steps=2", "--set", "batch=8", "--set", "watch.num_steps=1"]
    assert main(["train", "image/tiny", "--only-data", "-o", str(tmp_path / "data")]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "data" / "pack")
    assert main(["train", "image/tiny", "--only-data", "--data", str(pack), "-o", str(tmp_path / "none")]) == 0
    assert capsys.readouterr().out.strip() == str(pack)
    assert main(["train", "image/tiny", "--data", str(pack), "-o", out, *small]) == 0
    assert "step-00000002" in capsys.readouterr().out
    assert main(["train", "image/tiny", "--resume", "-o", out]) == 2
    assert "is over" in capsys.readouterr().err
    assert main(["train", "text/tiny", "--only-data", "-o", out]) == 2
    assert "recipes of pictures" in capsys.readouterr().err


def test_a_run_on_another_pack_is_refused(tmp_path: Path, pack: Path) -> None:
    begun(tmp_path / "run", pack, 2)
    facts = json.loads((tmp_path / "run" / "run.json").read_text())
    (tmp_path / "run" / "run.json").write_text(json.dumps(facts | {"data": facts["data"] | {"root": "0" * 64}}))
    with pytest.raises(Damaged, match="was begun on"):
        reopen(tmp_path / "run")


def test_parts_side_by_side_come_to_the_same(tmp_path: Path, pack: Path) -> None:
    found = []
    for workers in (1, 2):
        prepared = begun(tmp_path / str(workers), pack, 3)
        config = dataclasses.replace(prepared.config, at_once=4, workers=workers)
        prepared = dataclasses.replace(prepared, config=config)
        rows = list(watched(prepared, open_session(prepared)))
        found.append(([row.loss for row in rows], weights_of(tmp_path / str(workers))))
    assert found[0][0] == found[1][0]
    assert all(torch.equal(weight, found[1][1][name]) for name, weight in found[0][1].items())


def test_larger_pictures_are_averaged_with_what_is_open_left_out() -> None:
    pixels = np.zeros((1, 2, 2, 4), np.uint8)
    pixels[0, 0, 0] = pixels[0, 1, 1] = (200, 100, 0, 255)
    assert resized(pixels, 1)[0, 0, 0].tolist() == pytest.approx([200, 100, 0, 128], abs=1)
    assert np.array_equal(resized(resized(pixels, 8), 2), pixels)


@pytest.mark.parametrize("early", [None, EARLY], ids=["one net", "relay"])
def test_a_finished_run_serves_the_room(tmp_path: Path, pack: Path, early: Early | None) -> None:
    from makar import store
    from makar.generate.load import load
    from makar.rooms.image import ROOM, ImageRequest, ImageSampling
    from makar.tracing.pictures import open_pictures

    prepared = begun(tmp_path / "run", pack, 4, early)
    folder = list(watched(prepared, open_session(prepared)))[-1].checkpoint
    assert folder is not None
    taken = store.add(folder, "shapes")
    assert store.verify("shapes", progress=False).ok
    model = load(ROOM, "shapes")
    assert model.usual == ImageSampling(num_steps=2, guidance=3.0), "as its contact sheets were drawn"
    assert model.sha256 == taken.sha256 and "Makar" not in model.looks.families
    assert model.nearness("large red circle").score_frac == pytest.approx(1.0, abs=0.01)
    request = ImageRequest("large red circle", "shapes", "hollow", sampling=ImageSampling(num_steps=2))
    pictures = [pixels for _, pixels in model.pictures(request)]
    assert [picture.shape for picture in pictures] == [(16, 16, 4)]
    assert len(open_pictures(taken.folder / "neighbours.safetensors")) > 10
    (folder / "weights-00000.safetensors").write_bytes(b"other")
    with pytest.raises(Damaged, match="were changed"):
        store.add(folder, "shapes-again")


def test_a_part_of_the_weights_that_a_run_began_with_can_be_kept(tmp_path: Path, pack: Path) -> None:
    first = begun(tmp_path / "first", pack, 2)
    list(watched(first, open_session(first)))
    start = checkpoints(tmp_path / "first")[-1]
    before, found = load_shards(start, "weights")[0], {}
    for kept_frac in (0.0, 0.5, 1.0):
        config = dataclasses.replace(first.config, start=str(start), kept_frac=kept_frac)
        run = prepare(tmp_path / f"kept{kept_frac}", config, pack)
        list(watched(run, open_session(run)))
        found[kept_frac] = load_shards(checkpoints(run.out)[-1], "weights")[0]
    for name in ("modulate.bias", "modulate_out.bias", "out.bias"):  # small, so that bf16 tells them apart
        made, half, all_of_it = (found[kept_frac][name].float() for kept_frac in (0.0, 0.5, 1.0))
        apart = float((made - before[name].float()).abs().max())
        assert apart > 0 and torch.allclose(all_of_it, before[name].float(), atol=0.02 * apart)
        assert torch.allclose(half, (made + before[name]) / 2, atol=0.02 * apart)


def test_a_run_that_keeps_a_part_of_its_start_does_not_go_on_with_another(tmp_path: Path, pack: Path) -> None:
    start = tmp_path / "start"
    for num_steps in (1, 2):
        other = begun(tmp_path / f"other{num_steps}", pack, num_steps)
        list(watched(other, open_session(other)))
    first, second = (checkpoints(tmp_path / f"other{num_steps}")[-1] for num_steps in (1, 2))
    shutil.copytree(first, start)
    config = dataclasses.replace(other.config, start=str(start), kept_frac=0.5)
    run = prepare(tmp_path / "run", config, pack)
    list(watched(run, open_session(run)))
    open_session(reopen(run.out), resume=True)
    shutil.rmtree(start)
    shutil.copytree(second, start)
    with pytest.raises(BadInput, match="put the model back"):
        open_session(reopen(run.out), resume=True)
    with pytest.raises(BadInput, match="start=NAME"):
        resolved(dataclasses.replace(config, start=""))


def test_a_text_room_refuses_a_model_of_pictures_and_the_other_way_round(tmp_path: Path, pack: Path) -> None:
    from makar import store
    from makar.generate.load import load
    from makar.room import room

    prepared = begun(tmp_path / "run", pack, 1)
    folder = list(watched(prepared, open_session(prepared)))[-1].checkpoint
    assert folder is not None
    store.add(folder, "shapes")
    with pytest.raises(BadInput, match="shapes"):
        load(room("text"), "shapes")


def test_own_pictures_go_on_with_another_run_s_weights_and_words(tmp_path: Path, pack: Path,
                                                                capsys: pytest.CaptureFixture[str]) -> None:
    first = begun(tmp_path / "first", pack, 2)
    list(watched(first, open_session(first)))
    own = tmp_path / "own"
    own.mkdir()
    from makar.recipes.image.tiny import drawn

    for colour in ("red", "blue"):
        (own / f"{colour}_bar.png").write_bytes(drawn(colour, "bar", "filled", "large"))
    start = checkpoints(tmp_path / "first")[-1]
    settings = ["--set", f"start={start}", "--set", "schedule.num_steps=2", "--set", "size=1", "--set", "batch=4"]
    assert main(["train", "image/tiny", "--data", str(own), "-o", str(tmp_path / "second"), *settings]) == 0
    ours, theirs = (load_shards(checkpoints(tmp_path / run)[-1], "weights")[0] for run in ("first", "second"))
    assert torch.equal(ours["words.basis"], theirs["words.basis"]), "or other words would mean other things"
    model = json.loads((checkpoints(tmp_path / "second")[-1] / "model.json").read_text())
    assert sorted(model["concepts"]) == ["blue bar", "red bar"]


def test_a_recipe_s_own_pack_tells_words_as_the_model_that_is_begun_with(tmp_path: Path, pack: Path) -> None:
    first = begun(tmp_path / "first", pack, 2)
    list(watched(first, open_session(first)))
    start = checkpoints(tmp_path / "first")[-1]
    tensors, facts = load_shards(start, "weights")
    turned = tensors | {"words.basis": tensors["words.basis"].flip(1)}  # as of another choice of phrases
    save_shards(start, "weights", turned, facts)
    assert main(["train", "image/tiny", "--set", f"start={start}", "--only-data", "-o", str(tmp_path / "data")]) == 0
    from makar.codecs.pack import open_pack

    words = open_pack(tmp_path / "data" / "pack").words
    assert np.allclose(words.basis, turned["words.basis"].numpy(), atol=1e-6)


def test_one_process_at_a_time_trains_in_a_folder(tmp_path: Path, pack: Path,
                                                  capsys: pytest.CaptureFixture[str]) -> None:
    begun(tmp_path / "run", pack, 2)
    with alone_in(tmp_path / "run"):
        (tmp_path / "run" / "checkpoints").mkdir(exist_ok=True)
        assert main(["train", "image/tiny", "--resume", "-o", str(tmp_path / "run")]) == 2
    assert "another run is at work in" in capsys.readouterr().err
