"""The contest: a step of the critic, a step of the painter, in turn. Everything it changes is in the `Session`."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.func import functional_call

from makar.kit.errors import BadInput
from makar.methods.adversarial import critic_loss, generator_loss
from makar.train.clock import Clock, left_s
from makar.train.contest.config import Config
from makar.train.course import Course
from makar.train.device import synchronise
from makar.train.optimise import Optimiser

Slopes = tuple[Tensor, tuple[Tensor, ...]]
_AT_ONCE = 64


@dataclass(frozen=True)
class Batch:
    """Some examples.

    begun: what the painter begins with, noise or a picture; told: what it and the critic are told of the row
    weights: how much the likeness to the real picture counts
    Shapes: clean (B, C, S, S), begun (B, ...), told (B, ...), weights (B,)
    """

    clean: Tensor
    begun: Tensor
    told: Tensor
    weights: Tensor

    def chunk(self, num: int) -> list[Batch]:
        """Cut into that many, or fewer."""
        parts = (part.chunk(num) for part in (self.clean, self.begun, self.told, self.weights))
        return [Batch(*part) for part in zip(*parts, strict=True)]


class Examples(Protocol):
    """Pictures of one split on one device."""

    def __len__(self) -> int: ...

    def batch(self, rows: Tensor, random: torch.Generator) -> Batch:
        """Those rows, with whatever chance adds to them."""
        ...

    def distance(self, made: Tensor, batch: Batch) -> Tensor:
        """How far painted pictures are from what they are to be like. Shapes: made (B, C, S, S) -> ()"""
        ...


@dataclass(frozen=True)
class Progress:
    """What a step came to.

    loss, critic_loss: of the painter and of its critic, whose even score is log 2
    error: how far painted pictures are from the real ones that they should be and that were never trained on, as the
    mean difference of values from 0 to 255; train_error: from as many that were
    """

    step: int
    loss: float
    critic_loss: float
    rate: float
    num_pictures: int
    pictures_per_s: float
    seconds: float
    left_s: float
    error: float | None = None
    train_error: float | None = None
    checkpoint: Path | None = None


@dataclass
class Session:
    """A run in memory. `save` writes a checkpoint and returns where."""

    config: Config
    painter: nn.Module
    critic: nn.Module
    painting: Optimiser
    judging: Optimiser
    examples: Examples
    held_out: Examples
    clock: Clock
    save: Callable[[Session], Path]
    out: Path
    device: torch.device
    limit_s: float = math.inf
    measures: dict[str, float] = field(default_factory=dict)

    @property
    def course(self) -> Course:
        """How it goes on from step to step."""
        config, watch = self.config, self.config.watch
        return Course(config.recipe, self.out, self.clock, config.schedule, config.optimise.rate or 0.0, self.limit_s,
                      watch.validate_steps, watch.checkpoint_s, watch.checkpoint_steps, lambda: self.save(self))

    def averaged(self, begun: Tensor, told: Tensor) -> Tensor:
        """The painter with the average of its weights, where one is kept."""
        found: Tensor = functional_call(self.painter, self.painting.average, (begun, told))
        return found


def train(session: Session) -> Iterator[Progress]:
    """Trains until the last step or the time limit, with a checkpoint now and then and at the end.

    Raises: BadInput (a loss is no number), Interrupted (after a checkpoint), OutOfRoom
    """
    clock, batch = session.clock, session.config.batch
    for step in session.course.run(batch, partial(take_round, session), partial(judge, session)):
        (judged, painted), (error, train_error) = step.taken, step.seen or (None, None)
        yield Progress(clock.step, painted, judged, step.rate, clock.num_tok, batch / step.spent_s, clock.seconds,
                       left_s(clock, session.limit_s), error, train_error, step.checkpoint)


def take_round(session: Session, rate: float) -> tuple[float, float]:
    """One step of the critic and one of the painter, each on a batch of its own; returns their losses.

    While the painter is alone the critic's is 0.

    Raises: BadInput (a loss is no number)
    """
    losses = []
    for turn, (optimiser, weights, gradient) in enumerate((
            (session.judging, list(session.critic.parameters()), _critics_slopes),
            (session.painting, list(session.painter.parameters()), _painters_slopes))):
        if turn == 0 and _is_alone(session):
            losses.append(0.0)
            continue
        total = torch.zeros((), device=session.device)
        for loss, slopes in _side_by_side(session, gradient, _parts(session, turn)):
            total += loss
            for weight, slope in zip(weights, slopes, strict=True):
                weight.grad = slope if weight.grad is None else weight.grad.add_(slope)
        norm = float(optimiser.clip())
        if not (math.isfinite(float(total)) and math.isfinite(norm)):
            raise BadInput(f"training stopped at step {session.clock.step + 1:,}: a loss is {float(total)}; the last "
                           f"good checkpoint is kept in '{session.out}'. Try a stronger penalty in a new run: "
                           f"--set penalty.weight={session.config.penalty.weight * 3:.2g}")
        optimiser.step(rate)
        losses.append(float(total))
    synchronise(session.device)
    return losses[0], losses[1]


def _is_alone(session: Session) -> bool:
    return session.clock.step < session.config.alone_steps


def _side_by_side(session: Session, gradient: Callable[[Session, Batch], Slopes],
                  parts: Sequence[Batch]) -> list[Slopes]:
    """What each part comes to, in the order of the parts, so that sums do not depend on who is done first."""
    if len(parts) == 1:
        return [gradient(session, parts[0])]
    with ThreadPoolExecutor(len(parts)) as pool:
        return list(pool.map(lambda part: gradient(session, part), parts))


def _parts(session: Session, turn: int) -> list[Batch]:
    """A batch drawn by chance that is the same whether or not the run was interrupted before, cut for the workers."""
    config, device = session.config, session.device
    random = torch.Generator(device).manual_seed((config.seed * 1_000_003 + session.clock.step) * 2 + turn)
    rows = torch.randint(len(session.examples), (config.batch,), generator=random, device=device)
    return session.examples.batch(rows, random).chunk(config.workers)


def _critics_slopes(session: Session, part: Batch) -> Slopes:
    penalty = session.config.penalty
    with torch.no_grad():
        made = session.painter(part.begun, part.told)
    loss = critic_loss(lambda rows: session.critic(rows, part.told[:len(rows)]), part.clean, made, penalty.weight,
                       max(1, round(len(made) * penalty.part_frac)))
    return _shared(session, part, loss, session.critic)


def _painters_slopes(session: Session, part: Batch) -> Slopes:
    made = session.painter(part.begun, part.told)
    loss = session.config.likeness * session.examples.distance(made, part)
    if not _is_alone(session):
        loss = loss + generator_loss(lambda rows: session.critic(rows, part.told), part.clean, made)
    return _shared(session, part, loss, session.painter)


def _shared(session: Session, part: Batch, loss: Tensor, net: nn.Module) -> Slopes:
    """What a worker's part of the batch adds to the whole."""
    loss = len(part.clean) / session.config.batch * loss
    return loss.detach(), torch.autograd.grad(loss, list(net.parameters()))


@torch.no_grad()
def judge(session: Session) -> tuple[float | None, float]:
    """How far painted pictures are from the real ones that they should be, never trained on and trained on."""
    own = _error(session, session.examples)
    held_out = _error(session, session.held_out) if len(session.held_out) else None
    session.measures |= {"train_error": own} | ({} if held_out is None else {"error": held_out})
    return held_out, own


def _error(session: Session, examples: Examples) -> float:
    made, batch = first_painted(session, examples, session.config.watch.validate_pictures)
    known = (batch.weights > 0).float()
    apart = (made.clamp(-1, 1) - batch.clean).abs().mean((1, 2, 3))
    return float((apart * known).sum() / known.sum().clamp(min=1)) * 127.5


@torch.no_grad()
def first_painted(session: Session, examples: Examples, most: int) -> tuple[Tensor, Batch]:
    """The first examples, always painted from the same noise, and what they are. Shapes: -> (N, C, S, S)"""
    random = torch.Generator(session.device).manual_seed(0)
    batch = examples.batch(torch.arange(min(most, len(examples)), device=session.device), random)
    made = [session.averaged(part.begun, part.told) for part in batch.chunk(-(-len(batch.clean) // _AT_ONCE))]
    return torch.cat(made), batch
