"""The training loop: a generator of what each step came to. Everything it changes is in the `Session`."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from makar.methods.autoregress.loss import NOT_LEARNED, Learner, next_token_loss
from makar.train.clock import Clock, left_s
from makar.train.config import Config
from makar.train.course import Course
from makar.train.device import matmul_ceiling, synchronise
from makar.train.optimise import Optimiser
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

    @property
    def course(self) -> Course:
        """How it goes on from step to step."""
        config, watch = self.config, self.config.watch
        return Course(config.recipe, self.out, self.clock, config.schedule, config.optimise.rate or 0.0, self.limit_s,
                      watch.validate_steps, watch.checkpoint_s, watch.checkpoint_steps, lambda: self.save(self))


def train(session: Session) -> Iterator[Progress]:
    """Trains until the last step or the time limit, with a checkpoint now and then and at the end.

    Raises: BadInput (the loss is no number), Interrupted (after a checkpoint), OutOfRoom
    """
    clock, num_tok = session.clock, session.config.batch.tokens or 0
    look = partial(validate, session) if session.held_out is not None else lambda: None
    for step in session.course.run(num_tok, partial(take_step, session), look):
        loss, norm = step.taken
        tok_per_s = num_tok / step.spent_s
        yield Progress(clock.step, loss, step.rate, norm, clock.num_tok, tok_per_s,
                       tok_per_s * session.flops_per_tok / session.ceiling_flops, clock.seconds,
                       left_s(clock, session.limit_s), step.seen, step.checkpoint)


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
    value, size = float(total), float(norm)
    session.course.require_numbers(value, size, f" on the batch of rows {first_row:,} to {first_row + num_rows - 1:,}")
    session.optimiser.step(rate)
    synchronise(device)
    return value, size


def num_of(session: Session, targets: np.ndarray) -> int:
    """What a loss is the mean over: tokens that are learned, or pairs of answers."""
    group = session.config.group
    return len(targets) // group if group > 1 else max(1, int((targets != NOT_LEARNED).sum()))


def validate(session: Session) -> float:
    """The loss on held-out rows, which is kept; and the machine's best rate measured again: others may have been at
    work before.
    """
    found = session.validation["loss"] = held_out_loss(session)
    session.ceiling_flops = max(session.ceiling_flops, matmul_ceiling(session.device, session.learner.dtype, 0.1))
    return found


@torch.no_grad()
def held_out_loss(session: Session) -> float:
    """The loss per token, or per pair, on the first held-out rows."""
    assert session.held_out is not None
    total, num = 0.0, 0
    device = session.device
    for inputs, targets in session.held_out.in_order(session.config.watch.validate_rows):
        x, y = torch.from_numpy(inputs).to(device), torch.from_numpy(targets).to(device)
        total += float(session.loss(session.learner, x, y))
        num += num_of(session, targets)
    return total / max(1, num)
