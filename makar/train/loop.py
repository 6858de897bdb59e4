"""The training loop: a generator of what each step came to. Everything it changes is in the `Session`."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from makar.kit.errors import BadInput, Interrupted
from makar.methods.autoregress.loss import NOT_LEARNED, Learner, next_token_loss
from makar.train.clock import Clock, left_s, mind_the_time
from makar.train.config import Config
from makar.train.device import matmul_ceiling, synchronise
from makar.train.optimise import Optimiser, learning_rate
from makar.train.tokens import Rows

Loss = Callable[[Learner, Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Progress:
    """What a step came to.

    ceiling_frac: share of the best rate of products measured on this machine; left_s: an estimate
    """

    step: int
    loss: float
    rate: float
    gradient_norm: float
    num_tok: int
    tok_per_s: float
    ceiling_frac: float
    seconds: float
    left_s: float
    validation_loss: float | None = None
    checkpoint: Path | None = None


@dataclass
class Session:
    """A run in memory. `save` writes a checkpoint and returns where; `watch` is told of every step."""

    config: Config
    learner: Learner
    optimiser: Optimiser
    rows: Rows
    held_out: Rows | None
    clock: Clock
    save: Callable[[Session], Path]
    out: Path
    device: torch.device
    flops_per_tok: float
    ceiling_flops: float
    loss: Loss = next_token_loss
    limit_s: float = math.inf
    validation: dict[str, float] = field(default_factory=dict)


def train(session: Session) -> Iterator[Progress]:
    """Trains until the last step or the time limit, with a checkpoint now and then and at the end.

    Raises: BadInput (the loss is no number), Interrupted (after a checkpoint), OutOfRoom
    """
    clock, watch = session.clock, session.config.watch
    saved_s, ended = time.monotonic(), False
    first, passed_s = clock.step, time.perf_counter()
    try:
        while not ended:
            start_s = time.perf_counter()
            mind_the_time(clock, session.limit_s, session.config.schedule.decay_frac)
            rate = learning_rate(session.config.optimise.rate or 0.0, clock.step, warmup_steps=clock.warmup_steps,
                                 decay_start=clock.decay_start, decay_steps=clock.decay_steps)
            loss, norm = take_step(session, rate)
            num_tok = session.config.batch.tokens or 0
            clock.step, clock.num_tok = clock.step + 1, clock.num_tok + num_tok
            ended = clock.step >= clock.last_step
            spent_s = time.perf_counter() - start_s
            clock.seconds += time.perf_counter() - passed_s  # with what came between the steps
            passed_s = time.perf_counter()
            validation = None
            if session.held_out is not None and (ended or clock.step % watch.validate_steps == 0):
                validation = session.validation["loss"] = validate(session)
                again_flops = matmul_ceiling(session.device, session.learner.dtype, 0.1)
                session.ceiling_flops = max(session.ceiling_flops, again_flops)  # others may have been at work before
            due = (clock.step % watch.checkpoint_steps == 0 if watch.checkpoint_steps
                   else time.monotonic() - saved_s > watch.checkpoint_s)
            folder = None
            if ended or due:
                folder, saved_s = session.save(session), time.monotonic()
            tok_per_s = num_tok / spent_s
            yield Progress(clock.step, loss, rate, norm, clock.num_tok, tok_per_s,
                           tok_per_s * session.flops_per_tok / session.ceiling_flops, clock.seconds,
                           left_s(clock, session.limit_s), validation, folder)
    except KeyboardInterrupt:
        kept = session.save(session) if clock.step > first else session.out
        raise Interrupted(f"interrupted after step {clock.step:,}; all of it is kept in '{kept}'; go on with: "
                          f"makar train {session.config.recipe} --resume -o {session.out}") from None


def take_step(session: Session, rate: float) -> tuple[float, float]:
    """One step of the optimiser from one batch; returns the loss per token and the norm of the gradient.

    Raises: BadInput (the loss is no number: nothing was moved)
    """
    config, clock, device = session.config, session.clock, session.device
    num_rows, at_once = config.batch_rows, config.batch.rows_at_once or 1
    first_row = clock.step * num_rows
    inputs, targets = session.rows.batch(first_row, num_rows)
    num_learned = num_of(session, targets)
    total = torch.zeros((), device=device)
    for start in range(0, num_rows, at_once):
        part = slice(start, start + at_once)
        x = torch.from_numpy(inputs[part]).to(device, non_blocking=True)
        y = torch.from_numpy(targets[part]).to(device, non_blocking=True)
        loss = session.loss(session.learner, x, y) / num_learned
        loss.backward()
        total += loss.detach()
    norm = session.optimiser.clip()
    value = float(total)
    if not (math.isfinite(value) and math.isfinite(float(norm))):
        lower = (config.optimise.rate or 0.0) / 3
        raise BadInput(
            f"training stopped at step {clock.step + 1:,}: the loss is {value} and the gradient's norm {float(norm)} "
            f"on the batch of rows {first_row:,} to {first_row + num_rows - 1:,}; the last good checkpoint is kept in "
            f"'{session.out}'. Try a lower rate in a new run: --set optimise.rate={lower:.2g}")
    session.optimiser.step(rate)
    synchronise(device)
    return value, float(norm)


def num_of(session: Session, targets: np.ndarray) -> int:
    """What a loss is the mean over: tokens that are learned, or pairs of answers."""
    group = session.config.group
    return len(targets) // group if group > 1 else max(1, int((targets != NOT_LEARNED).sum()))


@torch.no_grad()
def validate(session: Session) -> float:
    """The loss per token, or per pair, on the first held-out rows."""
    assert session.held_out is not None
    total, num = 0.0, 0
    device = session.device
    for inputs, targets in session.held_out.in_order(session.config.watch.validate_rows):
        x, y = torch.from_numpy(inputs).to(device), torch.from_numpy(targets).to(device)
        total += float(session.loss(session.learner, x, y))
        num += num_of(session, targets)
    return total / max(1, num)
