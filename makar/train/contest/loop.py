"""The contest: a step of the critic, a step of the painter, in turn. Everything it changes is in the `Session`."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import torch
from torch import Tensor
from torch.func import functional_call

from makar.kit.errors import BadInput
from makar.methods.adversarial import critic_loss, generator_loss
from makar.nets.adversaries import Critic, Painter
from makar.train.clock import Clock, left_s
from makar.train.contest.config import Config
from makar.train.course import Course
from makar.train.device import synchronise
from makar.train.optimise import Optimiser
from makar.train.parts import Slopes, sum_parts


@dataclass(frozen=True)
class Examples:
    """Pictures of one split on one device. Shapes: clean (N, C, S, S), values (N, attributes)"""

    clean: Tensor
    values: Tensor

    def __len__(self) -> int:
        return len(self.clean)


@dataclass(frozen=True)
class Progress:
    """What a step came to.

    loss, critic_loss: of the painter and of its critic, whose even score is log 2
    error: how far painted pictures are from the real ones with the same attributes that were never trained on, as the
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
    painter: Painter
    critic: Critic
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

    def averaged(self, noise: Tensor, values: Tensor) -> Tensor:
        """The painter with the average of its weights, where one is kept."""
        found: Tensor = functional_call(self.painter, self.painting.average, (noise, values))
        return found


@dataclass(frozen=True)
class Part:
    """A worker's share of a step. share_frac: its part of the batch"""

    clean: Tensor
    values: Tensor
    noise: Tensor
    share_frac: float


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
        parts = [partial(gradient, session, part) for part in _parts(session, turn)]
        total = sum_parts(weights, parts, len(parts))
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


def _parts(session: Session, turn: int) -> list[Part]:
    """A batch drawn by chance that is the same whether or not the run was interrupted before, cut for the workers."""
    config, device = session.config, session.device
    random = torch.Generator(device).manual_seed((config.seed * 1_000_003 + session.clock.step) * 2 + turn)
    rows = torch.randint(len(session.examples), (config.batch,), generator=random, device=device)
    noise = torch.randn(config.batch, config.net.noise_dim, generator=random, device=device)
    return [Part(session.examples.clean[some], session.examples.values[some], drawn, len(some) / config.batch)
            for some, drawn in zip(rows.chunk(config.workers), noise.chunk(config.workers), strict=True)]


def _critics_slopes(session: Session, part: Part) -> Slopes:
    penalty = session.config.penalty
    with torch.no_grad():
        made = session.painter(part.noise, part.values)
    loss = part.share_frac * critic_loss(lambda rows: session.critic(rows, part.values[:len(rows)]), part.clean, made,
                                         penalty.weight, max(1, round(len(made) * penalty.part_frac)))
    return loss.detach(), torch.autograd.grad(loss, list(session.critic.parameters()))


def _painters_slopes(session: Session, part: Part) -> Slopes:
    made = session.painter(part.noise, part.values)
    loss = session.config.likeness * (made - part.clean).abs().mean()
    if not _is_alone(session):
        loss = loss + generator_loss(lambda rows: session.critic(rows, part.values), part.clean, made)
    loss = part.share_frac * loss
    return loss.detach(), torch.autograd.grad(loss, list(session.painter.parameters()))


@torch.no_grad()
def judge(session: Session) -> tuple[float | None, float]:
    """How far painted pictures are from real ones with the same attributes, never trained on and trained on."""
    own = _error(session, session.examples)
    held_out = _error(session, session.held_out) if len(session.held_out) else None
    session.measures |= {"train_error": own} | ({} if held_out is None else {"error": held_out})
    return held_out, own


def _error(session: Session, examples: Examples) -> float:
    num = min(session.config.watch.validate_pictures, len(examples))
    noise = torch.randn(num, session.config.net.noise_dim, generator=torch.Generator().manual_seed(0))
    made = session.averaged(noise.to(session.device), examples.values[:num]).clamp(-1, 1)
    return float((made - examples.clean[:num]).abs().mean()) * 127.5
