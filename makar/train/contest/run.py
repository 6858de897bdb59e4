"""A contest from its folder: opened at its last checkpoint, trained, its log, curve and sheets written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from makar.codecs.attributed import Attributed, open_attributed
from makar.codecs.pixels import crisp, resized, to_pixels, to_values
from makar.kit.config import replace_at, to_json
from makar.kit.files import atomic_write
from makar.nets.adversaries import initialised
from makar.train.begun import begin, begun, expect_none, expect_same
from makar.train.checkpoint import newest
from makar.train.clock import Clock
from makar.train.contest.checkpoint import Saver
from makar.train.contest.config import Config, resolved
from makar.train.contest.loop import Examples, Progress, Session, train
from makar.train.course import limit_of, put_back
from makar.train.device import keep_memory, pick_device
from makar.train.optimise import Optimiser
from makar.train.pictures.sheet import contact_sheet, on_chequers, png
from makar.train.plot import Log, draw_errors
from makar.train.state import load_state

SHEET_PICTURES, SHEET_SCALE = 24, 3


@dataclass(frozen=True)
class Prepared:
    """A run's folder and its data."""

    out: Path
    config: Config
    data: Attributed


def prepare(out: Path, config: Config, path: Path) -> Prepared:
    """Makes the folder of a new run on the pictures of a file.

    Raises: BadInput (there is a run, settings out of range), NotHere, Damaged
    """
    expect_none(out, config.recipe)
    config = resolved(replace_at(config, "device", pick_device(config.device).type))
    data = open_attributed(path)
    begin(out, config, {"where": str(path), "root": data.root})
    return Prepared(out, config, data)


def reopen(out: Path, path: Path | None = None) -> Prepared:
    """The folder of a run that was begun; its data may have been moved.

    Raises: NotHere, Damaged
    """
    config, known = begun(out, Config)
    place = path or Path(known["where"])
    data = open_attributed(place)
    expect_same(place, data.root, known["root"])
    return Prepared(out, config, data)


def open_session(prepared: Prepared, *, resume: bool = False, minutes: float | None = None) -> Session:
    """The run in memory, at its beginning or at its last checkpoint.

    Raises: NotHere, Damaged
    """
    config, data = prepared.config, prepared.data
    device = pick_device(config.device)
    keep_memory()
    sizes = tuple(len(attribute.values) for attribute in data.attributes)
    painter, critic = initialised(config.architecture(data.pixels.shape[1], sizes), config.seed)
    painter, critic = painter.to(device), critic.to(device)
    painting, judging = (Optimiser(dict(net.named_parameters()), config.optimise, {}, torch.float32)
                         for net in (painter, critic))
    clock, parent, measures = Clock.planned(config.schedule), "", dict[str, float]()
    if resume:
        tensors, facts = load_state(newest(prepared.out))
        for side, net, optimiser in (("painter", painter, painting), ("critic", critic, judging)):
            start = f"{side}/"
            own = {name.removeprefix(start): value for name, value in tensors.items() if name.startswith(start)}
            put_back(own, dict(net.named_parameters()), optimiser)
        clock, parent, measures = Clock(**facts["clock"]), facts["sha256"], dict(facts["measures"])
    if config.workers > 1:
        torch.set_num_threads(1)  # each worker is one
    num = len(data) - round(len(data) * config.held_out_frac)
    return Session(config, painter, critic, painting, judging, _examples(data, slice(num), device),
                   _examples(data, slice(num, None), device), clock, Saver(data, parent), prepared.out, device,
                   limit_of(minutes, clock), measures)


def _examples(data: Attributed, rows: slice, device: torch.device) -> Examples:
    clean = torch.from_numpy(to_values(data.pixels[rows]))
    return Examples(clean.contiguous().to(device), torch.from_numpy(data.values[rows].astype(np.int64)).to(device))


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


@torch.no_grad()
def sheet(session: Session) -> bytes:
    """Painted pictures above the real ones with the same attributes, which were never trained on (where there are
    such). A PNG.
    """
    asked = session.held_out if len(session.held_out) else session.examples
    num = min(SHEET_PICTURES, len(asked))
    noise = torch.randn(num, session.config.net.noise_dim, generator=torch.Generator().manual_seed(0))
    made = crisp(to_pixels(session.averaged(noise.to(session.device), asked.values[:num]).cpu().numpy()))
    real, across = crisp(to_pixels(asked.clean[:num].cpu().numpy())), min(12, num)
    both = np.concatenate([part for at in range(0, num, across)
                           for part in (made[at:at + across], real[at:at + across])])
    return png(on_chequers(contact_sheet(resized(both, SHEET_SCALE * both.shape[1]), across)))


def facts_of(session: Session) -> dict[str, Any]:
    """What a person wants to know before the run begins."""
    return {"painter_weights": sum(weight.numel() for weight in session.painter.parameters()),
            "critic_weights": sum(weight.numel() for weight in session.critic.parameters()),
            "pictures": len(session.examples), "held_out": len(session.held_out), "device": session.device.type}
