"""A contest from its folder: opened at its last checkpoint, trained, its log, curve and sheets written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from makar.codecs.attributed import open_attributed
from makar.codecs.pack import open_pack
from makar.kit.config import replace_at, to_json
from makar.kit.files import atomic_write
from makar.train.begun import begin, begun, expect_none, expect_same
from makar.train.checkpoint import newest
from makar.train.clock import Clock
from makar.train.contest.avatars import Avatars
from makar.train.contest.checkpoint import Saver
from makar.train.contest.config import Config, resolved
from makar.train.contest.loop import Progress, Session, train
from makar.train.contest.refined import DRAWN, opened
from makar.train.contest.subject import Subject
from makar.train.course import limit_of, put_back
from makar.train.device import keep_memory, pick_device
from makar.train.optimise import Optimiser
from makar.train.pictures.sheet import on_chequers, png
from makar.train.plot import Log, draw_loss
from makar.train.state import load_state


@dataclass(frozen=True)
class Prepared:
    """A run's folder and its data."""

    out: Path
    config: Config
    subject: Subject


def prepare(out: Path, config: Config, path: Path) -> Prepared:
    """Makes the folder of a new run on the pictures of a file, or of a pack.

    Raises: BadInput (there is a run, settings out of range), NotHere, Damaged
    """
    expect_none(out, config.recipe)
    config = resolved(replace_at(config, "device", pick_device(config.device).type))
    subject = _subject(config, path, out)
    begin(out, config, {"where": str(path), "root": subject.root})
    return Prepared(out, config, subject)


def reopen(out: Path, path: Path | None = None) -> Prepared:
    """The folder of a run that was begun; its data may have been moved.

    Raises: NotHere, Damaged
    """
    config, known = begun(out, Config)
    place = path or Path(known["where"])
    subject = _subject(config, place, out)
    expect_same(place, subject.root, known["root"])
    return Prepared(out, config, subject)


def _subject(config: Config, path: Path, out: Path) -> Subject:
    if config.refine is None:
        return Avatars(open_attributed(path))
    return opened(out / DRAWN, config, open_pack(path))


def open_session(prepared: Prepared, *, resume: bool = False, minutes: float | None = None) -> Session:
    """The run in memory, at its beginning or at its last checkpoint.

    Raises: NotHere, Damaged
    """
    config, subject = prepared.config, prepared.subject
    device = pick_device(config.device)
    keep_memory()
    painter, critic = (net.to(device) for net in subject.nets(config))
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
    examples, held_out = subject.examples(config, device)
    return Session(config, painter, critic, painting, judging, examples, held_out, clock, Saver(subject, parent),
                   prepared.out, device, limit_of(minutes, clock), measures)


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
            atomic_write(out / "error.svg", _curve(log, prepared.config.recipe))
        if last or progress.step % watch.sheet_steps == 0:
            atomic_write(out / f"sheet-{progress.step:08}.png", png(on_chequers(prepared.subject.sheet(session))))
        yield progress


def _curve(log: Log, title: str) -> str:
    """The distance from real pictures, on those trained on as a line and on the others as points."""
    rows = [{"step": row["step"], "loss": row["train_error"], "validation_loss": row["error"]} for row in log.rows
            if row["train_error"] is not None]
    return draw_loss(rows, title, "mean difference to the real picture, of 255")


def facts_of(session: Session) -> dict[str, Any]:
    """What a person wants to know before the run begins."""
    return {"painter_weights": sum(weight.numel() for weight in session.painter.parameters()),
            "critic_weights": sum(weight.numel() for weight in session.critic.parameters()),
            "pictures": len(session.examples), "held_out": len(session.held_out), "device": session.device.type}
