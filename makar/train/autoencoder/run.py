"""A run of an autoencoder from its folder: opened at its last checkpoint, trained, its log and sheets written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.utils.memory_format import convert_conv2d_weight_memory_format

from makar.codecs.pack import Pack, open_pack
from makar.codecs.pixels import resized, to_pixels
from makar.kit.config import replace_at, to_json
from makar.kit.errors import BadInput
from makar.kit.files import atomic_write
from makar.nets.autoencoder import initialised
from makar.nets.shapes import Autoencoded, shape_of
from makar.rooms.image.models import patchflow
from makar.rooms.image.models.patchflow import facts_of as facts_of_model
from makar.store import stored
from makar.train.autoencoder.checkpoint import Saver, weights_of
from makar.train.autoencoder.config import Config, resolved
from makar.train.autoencoder.drawings import Known, drawings
from makar.train.autoencoder.loop import Pictures, Progress, Session, train
from makar.train.begun import begin, begun, expect_none, expect_same
from makar.train.clock import Clock
from makar.train.course import limit_of, restore
from makar.train.device import dtype_of, keep_memory, pick_device, pick_precision
from makar.train.optimise import Optimiser
from makar.train.pictures.data import load_pixels
from makar.train.pictures.run import start_folder, told_of
from makar.train.pictures.sheet import contact_sheet, on_chequers, png
from makar.train.plot import Log, draw_errors

SHEET_PICTURES = 24


@dataclass(frozen=True)
class Prepared:
    """A run's folder and its data. of: the model whose drawings are to be cleaned: its name, its weights' sha256, its
    own data and the side of what it draws. start: what a record says of the autoencoder that it begins with
    """

    out: Path
    config: Config
    pack: Pack
    of: Mapping[str, Any]
    start: Mapping[str, str] = field(default_factory=dict)


def architecture_of(config: Config) -> Autoencoded:
    """The net of a run, for the model that it names.

    Raises: BadInput, UnknownName, Damaged
    """
    return config.architecture(_told_of(config.model)["size_px"])


def prepare(out: Path, config: Config, pack: Path) -> Prepared:
    """Makes the folder of a new run.

    Raises: BadInput (there is a run, settings out of range, a model of something else), NotHere, UnknownName, Damaged
    """
    expect_none(out, config.recipe)
    device = pick_device(config.device)
    precision = pick_precision(config.precision, device)
    config = resolved(replace_at(replace_at(config, "device", device.type), "precision", precision))
    opened, of = open_pack(pack), _told_of(config.model)
    start = told_of(config.start) if config.start else {}
    shape = config.architecture(of["size_px"])
    load_pixels(opened, "train", shape.made_px, enlarge=False)
    if config.start:
        weights_of(start_folder(config.start), initialised(shape, config.seed))
    begin(out, config, {"where": str(pack), "root": opened.root, "of": of, "start": start})
    return Prepared(out, config, opened, of, start)


def reopen(out: Path, pack: Path | None = None) -> Prepared:
    """The folder of a run that was begun; its pack may have been moved.

    Raises: NotHere, Damaged
    """
    config, known = begun(out, Config)
    opened = open_pack(pack or Path(known["where"]))
    expect_same(opened.folder, opened.root, known["root"])
    return Prepared(out, config, opened, known["of"], known.get("start", {}))


def _told_of(name: str) -> dict[str, Any]:
    if not name:
        raise BadInput("whose drawings are to be cleaned was not said: --set model=NAME")
    found = stored(name)
    shape = shape_of(facts_of_model(found.folder, found.name)["architecture"])
    return {"name": found.name, "sha256": found.sha256, "training_data": found.training_data, "size_px": shape.size_px}


def open_session(prepared: Prepared, *, resume: bool = False, minutes: float | None = None) -> Session:
    """The run in memory, at its beginning or at its last checkpoint.

    Raises: NotHere, Damaged, BadInput
    """
    config, shape = prepared.config, prepared.config.architecture(prepared.of["size_px"])
    device = pick_device(config.device)
    keep_memory()
    # A processor's convolutions are quickest where the channels of a pixel lie side by side.
    net = initialised(shape, config.seed).to(device)
    if config.start and not resume:
        net.load_state_dict(weights_of(start_folder(config.start), net))
    convert_conv2d_weight_memory_format(net, torch.channels_last)
    weights = dict(net.named_parameters())
    optimiser = Optimiser(weights, config.optimise, {}, torch.float32)
    clock, parent, measures = Clock.planned(config.schedule), prepared.start.get("sha256", ""), dict[str, float]()
    if resume:
        clock, facts = restore(prepared.out, weights, optimiser)
        parent, measures = facts["sha256"], dict(facts["measures"])
    if config.workers > 1:
        torch.set_num_threads(1)  # each worker is one
    pictures, held_out = (_pictures(prepared, split, shape.made_px, device) for split in ("train", "held_out"))
    assert pictures is not None
    saver = Saver(prepared.pack, prepared.of, parent, prepared.start)
    return Session(config, net, optimiser, pictures, held_out, clock, saver, prepared.out, device,
                   dtype_of(config.precision), limit_of(minutes, clock), measures)


def _pictures(prepared: Prepared, split: str, size_px: int, device: torch.device) -> Pictures | None:
    """Those of a split, if there are any; none is enlarged, since smaller ones have no detail of that size to teach.

    Raises: BadInput (none to train on; the model is another one now), Damaged
    """
    pack, config = prepared.pack, prepared.config
    if split != "train" and not any(entry.split == split and entry.size_px >= size_px for entry in pack.entries):
        return None
    places, pixels = load_pixels(pack, split, size_px, enlarge=False)
    drawn = None
    if config.spoil.drawn:
        found = stored(config.model)
        if found.sha256 != prepared.of["sha256"]:
            raise BadInput(f"the run began with '{config.model}' as {prepared.of['sha256'][:16]}, and what has that "
                           f"name now is {found.sha256[:16]}; put the model back, or begin another run")
        known = Known([pack.entries[place] for place in places], pixels)
        drawn = torch.from_numpy(drawings(prepared.out / "drawn", split, patchflow.build(found), known,
                                          config.spoil.drawings, config.workers)).to(device)
    return Pictures(torch.from_numpy(pixels).to(device), drawn)


def watched(prepared: Prepared, session: Session) -> Iterator[Progress]:
    """Trains, and keeps `log.jsonl`, `error.svg` and `sheet-STEP.png` in the run's folder up to date.

    Raises: as `train`
    """
    out, watch = prepared.out, prepared.config.watch
    log = Log(out / "log.jsonl", session.clock.step)
    for progress in train(session):
        row: dict[str, Any] = to_json(progress)
        last = progress.step == session.clock.last_step
        log.add({key: value for key, value in row.items() if key != "checkpoint"})
        if progress.checkpoint is not None:
            atomic_write(out / "error.svg", draw_errors(log.rows, prepared.config.recipe))
        if last or progress.step % watch.sheet_steps == 0:
            atomic_write(out / f"sheet-{progress.step:08}.png", sheet(session))
        yield progress


def sheet(session: Session) -> bytes:
    """What is given, what is made of it and what it was, one above the other, of pictures that were never trained on
    (where there are such). A PNG.
    """
    asked = session.held_out or session.pictures
    rows = torch.arange(min(SHEET_PICTURES, len(asked)), device=session.device)
    small, known = asked.given(rows, session.config.times)
    given, made, clean = (to_pixels(values.cpu().numpy()) for values in (small, session.made_of(small), known))
    across = min(12, len(made))
    parts = (resized(given, clean.shape[1]), made, clean)
    rows_shown = [part[at:at + across] for at in range(0, len(made), across) for part in parts]
    return png(on_chequers(contact_sheet(np.concatenate(rows_shown), across)))


def facts_of(session: Session) -> dict[str, Any]:
    """What a person wants to know before the run begins."""
    return {"weights": sum(weight.numel() for weight in session.net.parameters()), "pictures": len(session.pictures),
            "held_out": len(session.held_out or ()), "device": session.device.type,
            "precision": session.config.precision, **asdict(session.net.config)}
