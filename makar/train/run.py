"""A run from its folder: opens it at its last checkpoint, trains, and writes log, plot and samples on the way."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from makar import store
from makar.kit.config import to_json
from makar.kit.errors import NotHere
from makar.kit.files import atomic_write, read_text
from makar.methods.autoregress.job import Job
from makar.methods.autoregress.language import Card, LanguageModel, open_net
from makar.methods.autoregress.loss import Learner, next_token_loss
from makar.methods.autoregress.prefer import margins, preference_loss
from makar.methods.autoregress.sampling import Sampling
from makar.nets.adapters import attach, load_adapters
from makar.nets.rows import RunBlock, block_rows, initialised, places
from makar.nets.transformer import Transformer
from makar.store import StoredModel
from makar.train import card
from makar.train.checkpoint import Written, write_checkpoint
from makar.train.clock import Clock
from makar.train.config import Config
from makar.train.course import limit_of, restore
from makar.train.device import dtype_of, flops_per_token, keep_memory, matmul_ceiling, pick_device
from makar.train.loop import Loss, Progress, Session, held_out_loss, train
from makar.train.optimise import Optimiser, parts_of
from makar.train.plot import Log, draw_loss
from makar.train.prepare import TRAIN, VALIDATION, Prepared, describe, licence_of
from makar.train.tokens import Gaps, Rows, TokenFile
from makar.train.vocabulary import fim_of


def open_session(prepared: Prepared, *, resume: bool = False, minutes: float | None = None,
                 device: str | None = None) -> Session:
    """The run in memory, at its beginning or at its last checkpoint.

    Raises: NotHere, Damaged, BadInput
    """
    config = prepared.config
    place = pick_device(device or config.device)
    keep_memory()
    dtype = dtype_of(config.precision)
    net = _net(prepared, dtype).to(place)
    weights = trained_weights(net)
    optimiser = Optimiser(weights, config.optimise, parts_of(net), dtype)
    clock, parent, validation = Clock.planned(config.schedule), "", dict[str, float]()
    if resume:
        clock, facts = restore(prepared.out, weights, optimiser)
        parent, validation = facts["sha256"], dict(facts["validation"])
    learner = Learner(net, places(net, config.data.context_tok, place), dtype, _compiled(config))
    flops = flops_per_token(net.config, config.data.context_tok)
    if config.adapt.base:
        flops *= 4 / 6  # the base's own weights have no gradient
    session = Session(config, learner, optimiser, _rows(prepared, TRAIN), _held_out(prepared), clock,
                      _Saver(prepared, parent), prepared.out, place, flops, matmul_ceiling(place, dtype), _loss(config),
                      limit_of(minutes, clock), validation)
    if config.adapt.base and session.held_out is not None and not resume:
        validation["before"] = held_out_loss(session)
    return session


def _loss(config: Config) -> Loss:
    beta = config.prefer.beta
    return (lambda learner, x, y: preference_loss(learner, x, y, beta)) if beta else next_token_loss


def _net(prepared: Prepared, dtype: torch.dtype) -> Transformer:
    """A net of random weights, or the base with an adapter that does nothing yet."""
    config = prepared.config
    if not config.adapt.base:
        return initialised(config.architecture(-(-prepared.tokenizer.vocab_size // 64) * 64), config.seed)
    net = open_net(_under(prepared)).to(dtype)
    attach(net, config.adapt.rank, config.adapt.scale, config.seed)
    return net


def _under(prepared: Prepared) -> StoredModel:
    """Raises: NotHere (other weights under the name)"""
    found, wanted = store.stored(prepared.config.adapt.base), prepared.data["base"]
    if found.sha256 != wanted["sha256"]:
        raise NotHere(f"the run adapts weights {wanted['sha256'][:16]}, and '{wanted['name']}' here has "
                      f"{found.sha256[:16]}; add that model under this name")
    return found


def trained_weights(net: Transformer) -> dict[str, nn.Parameter]:
    """The weights that move, by name."""
    return {name: weight for name, weight in net.named_parameters() if weight.requires_grad}


def _compiled(config: Config) -> RunBlock | None:
    """One block, compiled once for all of its kind: the whole graph would take minutes."""
    compiled: RunBlock | None = torch.compile(block_rows, dynamic=False) if config.compile else None
    return compiled


def _rows(prepared: Prepared, name: str) -> Rows:
    data, tokenizer = prepared.config.data, prepared.tokenizer
    fim = fim_of(tokenizer)
    gaps = Gaps(tokenizer, fim, data.fim_frac, prepared.data["end_id"]) if fim is not None and data.fim_frac else None
    return Rows(TokenFile(prepared.out / "data", name), data.context_tok, prepared.config.seed, whole=data.whole,
                group=prepared.config.group, gaps=gaps)


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
        adapt, base = prepared.config.adapt, prepared.data.get("base")
        measures = measures_of(session, prepared.data)
        weights = trained_weights(net)
        num_params = sum(weight.numel() for weight in weights.values())
        text = card.write_card(card.Facts(prepared.config, net.config, num_params, prepared.data, clock.step,
                                          clock.num_tok, clock.seconds, measures, str(session.device)))
        state = {f"net/{name}": weight.detach() for name, weight in weights.items()}
        done = write_checkpoint(prepared.out, clock.step, Written(
            prepared.config, net.config, served_weights(session), state | session.optimiser.state(),
            {"clock": asdict(clock), "validation": session.validation},
            read_text(prepared.out / "tokenizer.json", limit_bytes=100_000_000), text, prepared.data["root"],
            describe(prepared.data), licence_of(prepared.data), self._parent, prepared.data["end_id"], to_json(fim),
            base and {**base, "rank": adapt.rank, "scale": adapt.scale}, base and _under(prepared).folder, measures))
        self._parent = done.sha256
        return done.folder


def served_weights(session: Session) -> dict[str, Tensor]:
    """The weights to be used: their average where one is kept."""
    average = session.optimiser.average
    return average or {name: weight.detach() for name, weight in trained_weights(session.learner.net).items()}


def measures_of(session: Session, data: Mapping[str, Any]) -> dict[str, float]:
    """What was measured of the weights so far."""
    loss = session.validation.get("loss")
    if loss is None:
        return {}
    by_byte = {}
    if not session.config.data.whole:  # rows that are filled up hold more tokens than the text
        per_byte = data["validation_tok"] / max(1, data["validation_bytes"])
        by_byte = {"validation_bits_per_byte": loss / math.log(2) * per_byte}
    if data.get("num_pairs"):
        return {"validation_loss_of_the_base": session.validation["before"], "validation_loss": loss,
                "validation_pairs_preferred_frac": preferred_frac(session)}
    before = {"validation_perplexity_of_the_base": math.exp(session.validation["before"])} if "before" in (
        session.validation) else {}
    return {**before, "validation_loss": loss, "validation_perplexity": math.exp(min(loss, 700.0)), **by_byte}


@torch.no_grad()
def preferred_frac(session: Session) -> float:
    """The share of held-out pairs whose chosen answer has gained on the rejected one."""
    assert session.held_out is not None
    found = [float(margins(session.learner, torch.from_numpy(x).to(session.device),
                           torch.from_numpy(y).to(session.device)).item() > 0)
             for x, y in session.held_out.in_order(session.config.watch.validate_rows)]
    return sum(found) / max(1, len(found))


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
    end, adapt = prepared.data["end_id"], prepared.config.adapt
    every = session.learner.net.state_dict() | served_weights(session)
    weights = {name: weight.detach().cpu().float() for name, weight in every.items()}
    adapters = {name: weights.pop(name) for name in list(weights) if ".adapter." in name}
    net = Transformer.of(session.learner.net.config, weights)
    if adapters:
        attach(net, adapt.rank, adapt.scale)
        load_adapters(net, adapters)
    model = LanguageModel(Card("in training", "", "", end, (end,)), net, prepared.tokenizer, None)
    most = min(prepared.config.watch.sample_tok, net.config.context_tok - 1)
    job = Job((end,), Sampling(max_tok=most, temperature=0.8, repetition_penalty=1.0, seed=prepared.config.seed))
    return "".join(piece.text for piece in model.run([job]))
