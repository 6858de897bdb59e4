"""A run from its folder: opens it at its last checkpoint, trains, and writes log, plot and samples on the way."""

from __future__ import annotations

import importlib.util
import math
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from makar.kit.config import to_json
from makar.kit.errors import BadInput
from makar.kit.files import atomic_write, read_text
from makar.methods.autoregress.job import Job
from makar.methods.autoregress.language import Card, LanguageModel
from makar.methods.autoregress.loss import Learner
from makar.methods.autoregress.sampling import Sampling
from makar.nets.rows import RunBlock, block_rows, initialised, places
from makar.nets.transformer import Transformer
from makar.train import card
from makar.train.checkpoint import Written, newest, write_checkpoint
from makar.train.config import Config
from makar.train.device import dtype_of, flops_per_token, matmul_ceiling, pick_device
from makar.train.loop import Clock, Progress, Session, train
from makar.train.optimise import Optimiser, parts_of
from makar.train.plot import Log, draw_loss
from makar.train.prepare import TRAIN, VALIDATION, Prepared, describe, licence_of
from makar.train.state import load_state
from makar.train.tokens import Gaps, Rows, TokenFile
from makar.train.vocabulary import end_of, fim_of


def open_session(prepared: Prepared, *, resume: bool = False, minutes: float | None = None,
                 device: str | None = None) -> Session:
    """The run in memory, at its beginning or at its last checkpoint.

    Raises: NotHere, Damaged, BadInput
    """
    config = prepared.config
    place = pick_device(device or config.device)
    architecture = config.architecture(-(-prepared.tokenizer.vocab_size // 64) * 64)
    net = initialised(architecture, config.seed).to(place)
    dtype = dtype_of(config.precision)
    optimiser = Optimiser(dict(net.named_parameters()), config.optimise, parts_of(net), dtype)
    steps, decay = config.schedule.num_steps, round(config.schedule.num_steps * config.schedule.decay_frac)
    clock, parent = Clock(decay_start=steps - decay, decay_steps=decay), ""
    if resume:
        tensors, facts = load_state(newest(prepared.out))
        with torch.no_grad():
            for name, weight in net.named_parameters():
                weight.copy_(tensors.pop(f"net/{name}"))
        optimiser.load(tensors)
        clock, parent = Clock(**facts["clock"]), facts["sha256"]
    learner = Learner(net, places(net, config.data.context_tok, place), dtype, _compiled(config, place))
    limit_s = math.inf if minutes is None else minutes * 60 + (clock.seconds if resume else 0.0)
    flops = flops_per_token(architecture, config.data.context_tok)
    return Session(config, learner, optimiser, _rows(prepared, TRAIN), _held_out(prepared), clock,
                   _Saver(prepared, parent), prepared.out, place, flops, matmul_ceiling(place, dtype), limit_s)


def _compiled(config: Config, device: torch.device) -> RunBlock | None:
    """Each kind of block compiled once, where that is asked for or a GPU can."""
    gpu = device.type == "cuda" and importlib.util.find_spec("triton") is not None
    if not (gpu if config.compile is None else config.compile):
        return None
    if device.type == "cpu" and not any(map(shutil.which, ("g++", "clang++", "c++"))):
        raise BadInput("compiling needs a C++ compiler, and there is none here; leave out --set compile=true")
    compiled: RunBlock = torch.compile(block_rows, dynamic=False)
    return compiled


def _rows(prepared: Prepared, name: str) -> Rows:
    data, tokenizer = prepared.config.data, prepared.tokenizer
    fim = fim_of(tokenizer)
    gaps = Gaps(tokenizer, fim, data.fim_frac, end_of(tokenizer)) if fim is not None and data.fim_frac else None
    return Rows(TokenFile(prepared.out / "data", name), data.context_tok, prepared.config.seed, whole=data.whole,
                gaps=gaps)


def _held_out(prepared: Prepared) -> Rows | None:
    if prepared.data["validation_tok"] < 2 * prepared.config.data.context_tok + 1:
        return None
    return _rows(prepared, VALIDATION)


class _Saver:
    """Writes the checkpoints of a run; each names the one before as its parent."""

    def __init__(self, prepared: Prepared, parent: str) -> None:
        self._prepared, self._parent = prepared, parent

    def __call__(self, session: Session) -> Path:
        net, prepared, clock = session.learner.net, self._prepared, session.clock
        fim = fim_of(prepared.tokenizer) if prepared.config.data.fim_frac else None
        measures = measures_of(session, prepared.data)
        num_params = sum(weight.numel() for weight in net.parameters())
        text = card.write_card(card.Facts(prepared.config, net.config, num_params, prepared.data, clock.step,
                                          clock.num_tok, clock.seconds, measures, str(session.device)))
        state = {f"net/{name}": weight.detach() for name, weight in net.named_parameters()}
        done = write_checkpoint(prepared.out, clock.step, Written(
            prepared.config, net.config, served_weights(session), state | session.optimiser.state(),
            {"clock": asdict(clock)}, read_text(prepared.out / "tokenizer.json"), text, prepared.data["root"],
            describe(prepared.data), licence_of(prepared.data), self._parent, end_of(prepared.tokenizer),
            to_json(fim), measures))
        self._parent = done.sha256
        return done.folder


def served_weights(session: Session) -> dict[str, Tensor]:
    """The weights to be used: their average where one is kept."""
    average = session.optimiser.average
    return average or {name: weight.detach() for name, weight in session.learner.net.named_parameters()}


def measures_of(session: Session, data: Mapping[str, Any]) -> dict[str, float]:
    """What was measured of the weights so far."""
    loss = session.validation.get("loss")
    if loss is None:
        return {}
    per_byte = data["validation_tok"] / max(1, data["validation_bytes"])
    return {"validation_loss": loss, "validation_perplexity": math.exp(min(loss, 700.0)),
            "validation_bits_per_byte": loss / math.log(2) * per_byte}


def watched(prepared: Prepared, session: Session) -> Iterator[Progress]:
    """Trains, and keeps `log.jsonl`, `loss.svg` and `samples.md` in the run's folder up to date.

    Raises: as `train`
    """
    out, watch = prepared.out, prepared.config.watch
    log = Log(out / "log.jsonl", session.clock.step)
    for progress in train(session):
        row = to_json(progress)
        log.add({key: value for key, value in row.items() if key != "checkpoint"})
        if progress.validation_loss is not None or progress.checkpoint is not None:
            atomic_write(out / "loss.svg", draw_loss(log.rows, prepared.config.recipe))
        if progress.step % watch.sample_steps == 0 or progress.step == session.clock.last_step:
            _add_sample(out / "samples.md", progress, sample(prepared, session))
        yield progress


def _add_sample(path: Path, progress: Progress, text: str) -> None:
    before = read_text(path) if path.exists() else "# Samples\n"
    title = f"## Step {progress.step:,}, loss {progress.loss:.3f}"
    atomic_write(path, f"{before}\n{title}\n\n````text\n{text}\n````\n")


def sample(prepared: Prepared, session: Session) -> str:
    """What the weights write now, from nothing."""
    end = end_of(prepared.tokenizer)
    weights = {name: weight.detach().cpu().float() for name, weight in served_weights(session).items()}
    net = Transformer.of(session.learner.net.config, weights)
    model = LanguageModel(Card("in training", "", "", end, (end,)), net, prepared.tokenizer, None)
    most = min(prepared.config.watch.sample_tok, net.config.context_tok - 1)
    job = Job((end,), Sampling(max_tok=most, temperature=0.8, repetition_penalty=1.0, seed=prepared.config.seed))
    return "".join(piece.text for piece in model.run([job]))
