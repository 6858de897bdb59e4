"""A run on pictures from its folder: opened at its last checkpoint, trained, its log, curve and sheets written."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from makar.codecs.pack import Pack, open_pack
from makar.codecs.pixels import to_pixels
from makar.codecs.prompts import Prompts
from makar.kit.config import replace_at, to_json
from makar.kit.errors import BadInput, Damaged
from makar.kit.files import atomic_write, read_text
from makar.methods.flow import euler
from makar.nets.components import principal
from makar.nets.relay import PictureNet, Relay, blocks_of, new_net, parts_of
from makar.nets.shapes import PictureShape
from makar.nets.shards import load_shards
from makar.rooms.image.drawing import denoiser, noise
from makar.store import stored
from makar.train.begun import begin, begun, expect_none, expect_same
from makar.train.clock import Clock
from makar.train.course import limit_of, restore
from makar.train.device import dtype_of, keep_memory, pick_device, pick_precision
from makar.train.optimise import Optimiser
from makar.train.pictures.checkpoint import WEIGHTS, Saver, words_map
from makar.train.pictures.config import Config, resolved
from makar.train.pictures.data import Pictures, load_pictures, values_of
from makar.train.pictures.loop import Progress, Session, at_one_time, train
from makar.train.pictures.sheet import contact_sheet, on_chequers, png
from makar.train.plot import Log, draw_loss

SHEET_PICTURES = 24
WORDS_APART = 1e-4
"""Two maps of words nearer than this are one: they differ where the same phrases were embedded by two processors."""
BOTH = "+"
"""Between the two models that a relay begins with: one for its first net, one for its second."""


@dataclass(frozen=True)
class Prepared:
    """A run's folder and its data. start: the model it began with: its name, its weights' sha256 and its own data"""

    out: Path
    config: Config
    pack: Pack
    start: Mapping[str, str] = field(default_factory=dict)


def prepare(out: Path, config: Config, pack: Path) -> Prepared:
    """Makes the folder of a new run.

    Raises: BadInput (there is a run), NotHere, Damaged
    """
    expect_none(out, config.recipe)
    device = pick_device(config.device)
    precision = pick_precision(config.precision, device)
    config = resolved(replace_at(replace_at(config, "device", device.type), "precision", precision))
    opened = open_pack(pack)
    start = told_of(config.start) if config.start else {}
    begin(out, config, {"where": str(pack), "root": opened.root, "start": start})
    return Prepared(out, config, opened, start)


def reopen(out: Path, pack: Path | None = None) -> Prepared:
    """The folder of a run that was begun; its pack may have been moved.

    Raises: NotHere, Damaged
    """
    config, known = begun(out, Config)
    opened = open_pack(pack or Path(known["where"]))
    expect_same(opened.folder, opened.root, known["root"])
    return Prepared(out, config, opened, known.get("start", {}))  # a run begun before names none


def open_session(prepared: Prepared, *, resume: bool = False, minutes: float | None = None) -> Session:
    """The run in memory, at its beginning or at its last checkpoint.

    Raises: NotHere, Damaged, BadInput
    """
    config, pack = prepared.config, prepared.pack
    device, dtype = pick_device(config.device), dtype_of(config.precision)
    keep_memory()
    architecture = config.architecture(len(pack.looks), pack.words.values.shape[1])
    pictures = load_pictures(pack, "train", architecture.size_px, architecture.context_tok, device)
    net = new_net(architecture, config.seed).to(device)
    if config.start and not resume:
        net.load_state_dict(_weights_to_start_with(config.start, net.state_dict(), pack))
    elif isinstance(net, Relay) and not resume:
        values, early = values_of(pictures.pixels).flatten(1), net.first
        early.load_state_dict(principal(values, early.config.num_components, config.seed), strict=False)
    if resume and (config.leaps or config.kept_frac):
        _expect_the_same_start(config.start, prepared.start)
    teacher = _teacher(config, architecture, pack, device) if config.leaps else None
    kept = _weights_to_start_with(config.start, net.state_dict(), pack) if config.start and config.kept_frac else {}
    weights = dict(net.named_parameters())
    moved = {name: weight for name, weight in weights.items() if weight.requires_grad}
    optimiser = Optimiser(moved, config.optimise, parts_of(architecture), dtype)
    clock, parent, measures = Clock.planned(config.schedule), prepared.start.get("sha256", ""), dict[str, float]()
    if resume:
        clock, facts = restore(prepared.out, weights, optimiser)
        parent, measures = facts["sha256"], dict(facts["measures"])
    if config.workers > 1:
        torch.set_num_threads(1)  # each worker is one
    if device.type == "cuda":
        torch.set_float32_matmul_precision("high")
    if config.compile or (config.compile is None and device.type == "cuda" and importlib.util.find_spec("triton")):
        for block in blocks_of(net):
            block.compile(dynamic=False)
    held_out = _held_out(prepared, architecture, device)
    saver = Saver(pack, parent, prepared.start)
    return Session(config, net, optimiser, pictures, held_out, clock, saver, prepared.out, device, dtype,
                   limit_of(minutes, clock), teacher, kept, measures)


def _teacher(config: Config, architecture: PictureShape, pack: Pack, device: torch.device) -> PictureNet:
    net = new_net(architecture, config.seed)
    net.load_state_dict(_weights_to_start_with(config.start, net.state_dict(), pack))
    return net.to(device).eval().requires_grad_(False)


def _held_out(prepared: Prepared, architecture: PictureShape, device: torch.device) -> Pictures | None:
    if not any(entry.split == "held_out" for entry in prepared.pack.entries):
        return None
    return load_pictures(prepared.pack, "held_out", architecture.size_px, architecture.context_tok, device)


def told_of(start: str) -> dict[str, str]:
    """What a record says of the model that a run begins with.

    Raises: UnknownName, Damaged, OutOfRoom
    """
    found: dict[str, str] = {}
    for part in begun_with(start):
        folder = start_folder(part)
        try:
            facts = json.loads(read_text(folder / "model.json"))
            told = {"name": Path(part).name, "sha256": facts["weights_sha256"], "training_data": facts["training_data"]}
        except (ValueError, KeyError) as error:
            raise Damaged(f"'{folder / 'model.json'}' cannot be read ({error!s:.100})") from error
        found = {key: f"{found[key]} and {value}" if found else value for key, value in told.items()}
    return found


def _expect_the_same_start(start: str, told: Mapping[str, str]) -> None:
    """Raises: BadInput (under that name there is another model now), UnknownName, Damaged"""
    if (sha256 := told_of(start)["sha256"]) != told.get("sha256"):
        raise BadInput(f"the run began with '{start}' as {told.get('sha256', 'nobody told')[:16]}, and what has that "
                       f"name now is {sha256[:16]}; put the model back, or begin another run")


def begun_with(start: str) -> list[str]:
    """The model that a run begins with, or the two that its relay does."""
    return [start] if Path(start).is_dir() else start.split(BOTH)


def start_folder(start: str) -> Path:
    """Where the weights lie that a run begins with: a checkpoint's folder, or a model of the store by its name.

    Raises: UnknownName, Damaged, OutOfRoom
    """
    return Path(start) if Path(start).is_dir() else stored(start).folder


def words_of(start: str) -> Prompts:
    """How the model that a run begins with was told words.

    Raises: as `start_folder`
    """
    folder = start_folder(begun_with(start)[0])
    tensors = load_shards(folder, WEIGHTS)[0]
    basis, mean, scale = (tensors[f"words.{name}"].numpy() for name in ("basis", "mean", "scale"))
    return Prompts(json.loads(read_text(folder / "model.json"))["reader"], basis, mean, scale)


def _weights_to_start_with(start: str, wanted: dict[str, Tensor], pack: Pack) -> dict[str, Tensor]:
    """The weights of an earlier checkpoint, its looks put where this pack has them.

    Raises: Damaged, BadInput (of another shape)
    """
    mine, parts = dict[str, Tensor](), begun_with(start)
    if len(parts) > 2:
        raise BadInput(f"'{start}' names {len(parts)} models to begin with; a relay has two nets")
    for part, place in zip(parts, ("first.", "second."), strict=False):
        tensors, facts = load_shards(start_folder(part), WEIGHTS)
        if any(tensors[name].shape != value.shape or not torch.allclose(tensors[name], value, atol=WORDS_APART)
               for name, value in words_map(pack).items()):
            raise BadInput(f"'{part}' was told words in another way than this pack; give the pictures themselves with "
                           "--data FOLDER, or leave out --set start")
        for name, value in tensors.items():
            own = f"{place}{name}" if len(parts) > 1 and not name.startswith(place) else name
            if own in wanted:
                mine[own] = _looks_moved(value, facts["looks"], pack.looks) if own.endswith("look.weight") else value
    mine = {name: value.to(wanted[name].dtype) for name, value in mine.items()}
    wrong = [name for name in wanted if name not in mine or mine[name].shape != wanted[name].shape]
    if wrong:
        raise BadInput(f"the weights in '{start}' have another shape ({wrong[0]}); give the run the same size, or "
                       "leave out --set start")
    return mine


def _looks_moved(old: Tensor, known: Sequence[str], looks: Sequence[str]) -> Tensor:
    """Every look's vector where this pack has it; one that was not known begins as any look does."""
    place = {look: index + 1 for index, look in enumerate(known)}
    return torch.stack([old[0], *(old[place.get(look, 0)] for look in looks)])


def watched(prepared: Prepared, session: Session) -> Iterator[Progress]:
    """Trains, and keeps `log.jsonl`, `loss.svg` and `sheet-STEP.png` in the run's folder up to date.

    Raises: as `train`
    """
    out, watch = prepared.out, prepared.config.watch
    log = Log(out / "log.jsonl", session.clock.step)
    for progress in train(session):
        row: dict[str, Any] = to_json(progress)
        log.add({key: value for key, value in row.items() if key != "checkpoint"})
        if progress.validation_loss is not None or progress.checkpoint is not None:
            atomic_write(out / "loss.svg", draw_loss(log.rows, prepared.config.recipe, "error of the velocity"))
        if progress.step % watch.sheet_steps == 0 or progress.step == session.clock.last_step:
            atomic_write(out / f"sheet-{progress.step:08}.png", sheet(session))
        yield progress


@torch.no_grad()
def sheet(session: Session) -> bytes:
    """Pictures for held-out pairs of concept and style (of trained ones where there are none), each row of made ones
    above the real ones that nobody showed the net. A PNG.
    """
    asked = session.held_out or session.pictures
    num, watch, device = min(SHEET_PICTURES, len(asked)), session.config.watch, session.device
    random = torch.Generator(device).manual_seed(session.config.seed)
    rows = torch.randperm(len(asked), generator=random, device=device)[:num]
    condition = asked.asked(asked.phrases[rows, 0], asked.looks[rows, 0])
    c = session.net.config
    start = torch.from_numpy(np.concatenate([noise(index, (1, c.channels, c.size_px, c.size_px))
                                             for index in range(num)])).to(device)
    net = at_one_time(session.averaged if session.optimiser.average else session.forward)
    made = to_pixels(euler(denoiser(net, condition, watch.guidance), start, watch.sampling.grid).cpu().numpy())
    real = asked.pixels[rows].cpu().numpy()
    across = min(12, num)
    both = [part for at in range(0, num, across) for part in (made[at:at + across], real[at:at + across])]
    return png(on_chequers(contact_sheet(np.concatenate(both), across)))


def facts_of(session: Session) -> dict[str, Any]:
    """What a person wants to know before the run begins."""
    return {"weights": sum(weight.numel() for weight in session.net.parameters()),
            "pictures": len(session.pictures), "held_out": len(session.held_out or ()),
            "device": session.device.type, "precision": session.config.precision, **asdict(session.net.config)}
