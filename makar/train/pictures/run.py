"""A run on pictures from its folder: opened at its last checkpoint, trained, its log, curve and sheets written."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from makar.codecs.pack import Pack, open_pack
from makar.codecs.pixels import to_pixels
from makar.codecs.prompts import Prompts
from makar.kit.config import replace_at, to_json
from makar.kit.errors import BadInput
from makar.kit.files import atomic_write, read_text
from makar.methods.flow import euler, steps
from makar.nets.patches import Config as Architecture
from makar.nets.patches import PatchTransformer, initialised, parts_of
from makar.nets.shards import load_shards
from makar.rooms.image.drawing import denoiser, noise
from makar.store import stored
from makar.train.begun import begin, begun, expect_none, expect_same
from makar.train.clock import Clock
from makar.train.course import limit_of, restore
from makar.train.device import dtype_of, keep_memory, pick_device, pick_precision
from makar.train.optimise import Optimiser
from makar.train.pictures.checkpoint import WEIGHTS, Saver
from makar.train.pictures.config import Config, resolved
from makar.train.pictures.data import Pictures, load_pictures
from makar.train.pictures.loop import Progress, Session, train
from makar.train.pictures.sheet import contact_sheet, on_chequers, png
from makar.train.plot import Log, draw_loss

SHEET_PICTURES = 24
MENDER = "mend."


@dataclass(frozen=True)
class Prepared:
    """A run's folder and its data."""

    out: Path
    config: Config
    pack: Pack


def prepare(out: Path, config: Config, pack: Path) -> Prepared:
    """Makes the folder of a new run.

    Raises: BadInput (there is a run), NotHere, Damaged
    """
    expect_none(out, config.recipe)
    device = pick_device(config.device)
    precision = pick_precision(config.precision, device)
    config = resolved(replace_at(replace_at(config, "device", device.type), "precision", precision))
    opened = open_pack(pack)
    begin(out, config, {"where": str(pack), "root": opened.root})
    return Prepared(out, config, opened)


def reopen(out: Path, pack: Path | None = None) -> Prepared:
    """The folder of a run that was begun; its pack may have been moved.

    Raises: NotHere, Damaged
    """
    config, known = begun(out, Config)
    opened = open_pack(pack or Path(known["where"]))
    expect_same(opened.folder, opened.root, known["root"])
    return Prepared(out, config, opened)


def open_session(prepared: Prepared, *, resume: bool = False, minutes: float | None = None) -> Session:
    """The run in memory, at its beginning or at its last checkpoint.

    Raises: NotHere, Damaged, BadInput
    """
    config, pack = prepared.config, prepared.pack
    device, dtype = pick_device(config.device), dtype_of(config.precision)
    keep_memory()
    architecture = config.architecture(len(pack.looks), pack.words.values.shape[1])
    net = initialised(architecture, config.seed).to(device)
    if config.start and not resume:
        net.load_state_dict(_weights_to_start_with(config.start, net.state_dict(), pack))
    teacher = _teacher(config, architecture, pack, device) if config.leaps else None
    weights = dict(net.named_parameters())
    optimiser = Optimiser(weights, config.optimise, parts_of(architecture), dtype)
    clock, parent, measures = Clock.planned(config.schedule), "", dict[str, float]()
    if resume:
        clock, facts = restore(prepared.out, weights, optimiser)
        parent, measures = facts["sha256"], dict(facts["measures"])
    if config.workers > 1:
        torch.set_num_threads(1)  # each worker is one
    if device.type == "cuda":
        torch.set_float32_matmul_precision("high")
    if config.compile or (config.compile is None and device.type == "cuda" and importlib.util.find_spec("triton")):
        for block in net.blocks:
            block.compile(dynamic=False)
    held_out = _held_out(prepared, architecture, device)
    pictures = load_pictures(pack, "train", architecture.size_px, architecture.context_tok, device)
    return Session(config, net, optimiser, pictures, held_out, clock, Saver(pack, parent), prepared.out, device, dtype,
                   limit_of(minutes, clock), teacher, measures)


def _teacher(config: Config, architecture: Architecture, pack: Pack, device: torch.device) -> PatchTransformer:
    net = initialised(architecture, config.seed)
    net.load_state_dict(_weights_to_start_with(config.start, net.state_dict(), pack))
    return net.to(device).eval().requires_grad_(False)


def _held_out(prepared: Prepared, architecture: Architecture, device: torch.device) -> Pictures | None:
    if not any(entry.split == "held_out" for entry in prepared.pack.entries):
        return None
    return load_pictures(prepared.pack, "held_out", architecture.size_px, architecture.context_tok, device)


def start_folder(start: str) -> Path:
    """Where the weights lie that a run begins with: a checkpoint's folder, or a model of the store by its name.

    Raises: UnknownName, Damaged, OutOfRoom
    """
    return Path(start) if Path(start).is_dir() else stored(start).folder


def words_of(start: str) -> Prompts:
    """How the model that a run begins with was told words.

    Raises: as `start_folder`
    """
    folder = start_folder(start)
    tensors = load_shards(folder, WEIGHTS)[0]
    basis, mean, scale = (tensors[f"words.{name}"].numpy() for name in ("basis", "mean", "scale"))
    return Prompts(json.loads(read_text(folder / "model.json"))["reader"], basis, mean, scale)


def _weights_to_start_with(start: str, wanted: dict[str, Tensor], pack: Pack) -> dict[str, Tensor]:
    """The weights of an earlier checkpoint, its looks put where this pack has them.

    Raises: Damaged, BadInput (of another shape)
    """
    tensors, facts = load_shards(start_folder(start), WEIGHTS)
    mine = {name: tensors[name].to(wanted[name].dtype) for name in wanted if name in tensors}
    if not any(name.startswith(MENDER) for name in mine):  # a net without one is given one
        mine |= {name: value for name, value in wanted.items() if name.startswith(MENDER)}
    if "look.weight" in mine and mine["look.weight"].shape[1] == wanted["look.weight"].shape[1]:
        old, new = mine["look.weight"], torch.zeros_like(wanted["look.weight"], device="cpu")
        place = {look: index + 1 for index, look in enumerate(facts["looks"])}
        new[0] = old[0]
        for index, look in enumerate(pack.looks):
            new[index + 1] = old[place[look]] if look in place else old[0]
        mine["look.weight"] = new
    wrong = [name for name in wanted if name not in mine or mine[name].shape != wanted[name].shape]
    wrong += [name for name in tensors if name.startswith(MENDER) and name not in wanted]
    if wrong:
        raise BadInput(f"the weights in '{start}' have another shape ({wrong[0]}); give the run the same size, or "
                       "leave out --set start")
    return mine


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
    start = torch.cat([noise(index, (1, c.channels, c.size_px, c.size_px)) for index in range(num)]).to(device)
    denoise = denoiser(session.averaged if session.optimiser.average else session.forward, condition, watch.guidance)
    made = to_pixels(euler(denoise, start, steps(watch.num_steps, device=device)))
    real = asked.pixels[rows].cpu().numpy()
    across = min(12, num)
    both = [part for at in range(0, num, across) for part in (made[at:at + across], real[at:at + across])]
    return png(on_chequers(contact_sheet(np.concatenate(both), across)))


def facts_of(session: Session) -> dict[str, Any]:
    """What a person wants to know before the run begins."""
    return {"weights": sum(weight.numel() for weight in session.net.parameters()),
            "pictures": len(session.pictures), "held_out": len(session.held_out or ()),
            "device": session.device.type, "precision": session.config.precision, **asdict(session.config.net)}
