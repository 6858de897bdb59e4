"""The loop over pictures: a generator of what each step came to. Everything it changes is in the `Session`."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import torch
from torch import Tensor
from torch.func import functional_call

from makar.methods.flow import mixed, steps
from makar.methods.flow_loss import draw_times, flow_loss, leap_loss
from makar.nets.patches import Condition
from makar.nets.relay import PictureNet
from makar.rooms.image.drawing import denoiser
from makar.train.clock import Clock, left_s
from makar.train.course import Course
from makar.train.device import synchronise
from makar.train.optimise import Optimiser
from makar.train.parts import Slopes, sum_parts
from makar.train.pictures.config import Config, Leaps
from makar.train.pictures.data import Dropped, Pictures

Forward = Callable[[Tensor, Tensor, Condition], Tensor]
NOTHING_DROPPED = Dropped(0.0, 0.0)
MOST_WITHIN = 0.9
"""Of a step that is entered on the way at least a tenth is left."""


@dataclass(frozen=True)
class Progress:
    """What a step came to. validation_loss: on pairs of concept and style that are never trained on; train_loss: on as
    many pictures that are, measured in the same way.
    """

    step: int
    loss: float
    rate: float
    gradient_norm: float
    num_pictures: int
    pictures_per_s: float
    seconds: float
    left_s: float
    validation_loss: float | None = None
    train_loss: float | None = None
    checkpoint: Path | None = None


@dataclass
class Session:
    """A run in memory. `save` writes a checkpoint and returns where. teacher: of a net that learns leaps
    begun_with: weights of which a part is kept in what is saved to draw with
    """

    config: Config
    net: PictureNet
    optimiser: Optimiser
    pictures: Pictures
    held_out: Pictures | None
    clock: Clock
    save: Callable[[Session], Path]
    out: Path
    device: torch.device
    dtype: torch.dtype
    limit_s: float = math.inf
    teacher: PictureNet | None = None
    begun_with: Mapping[str, Tensor] = field(default_factory=dict)
    measures: dict[str, float] = field(default_factory=dict)

    @property
    def course(self) -> Course:
        """How it goes on from step to step."""
        config, watch = self.config, self.config.watch
        return Course(config.recipe, self.out, self.clock, config.schedule, config.optimise.rate or 0.0, self.limit_s,
                      watch.validate_steps, watch.checkpoint_s, watch.checkpoint_steps, lambda: self.save(self))

    def forward(self, z: Tensor, time: Tensor, condition: Condition) -> Tensor:
        """The net in the precision of the run. Shapes: z (B, C, S, S), time (B,) -> (B, C, S, S)"""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.dtype == torch.bfloat16):
            out: Tensor = self.net(z, time, condition)
        return out

    def taught(self, z: Tensor, time: Tensor, condition: Condition) -> Tensor:
        """The same with the teacher."""
        assert self.teacher is not None
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.dtype == torch.bfloat16):
            out: Tensor = self.teacher(z, time, condition)
        return out

    def averaged(self, z: Tensor, time: Tensor, condition: Condition) -> Tensor:
        """The same with the average of the weights, where one is kept."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.dtype == torch.bfloat16):
            out: Tensor = functional_call(self.net, self.optimiser.average, (z, time, condition))
        return out


def train(session: Session) -> Iterator[Progress]:
    """Trains until the last step or the time limit, with a checkpoint now and then and at the end.

    Raises: BadInput (the loss is no number), Interrupted (after a checkpoint), OutOfRoom
    """
    clock, batch = session.clock, session.config.batch
    for step in session.course.run(batch, partial(take_step, session), partial(judge, session)):
        (loss, norm), (held_out, own) = step.taken, step.seen or (None, None)
        yield Progress(clock.step, loss, step.rate, norm, clock.num_tok, batch / step.spent_s, clock.seconds,
                       left_s(clock, session.limit_s), held_out, own, step.checkpoint)


def seeded(session: Session, step: int, part: int = 0) -> torch.Generator:
    """Chance at one part of a step: the same whether or not the run was interrupted before."""
    return torch.Generator(session.device).manual_seed((session.config.seed * 1_000_003 + step) + part * 2**40)


def take_step(session: Session, rate: float) -> tuple[float, float]:
    """One step of the optimiser from one batch; returns the loss and the norm of the gradient.

    Raises: BadInput (the loss is no number: nothing was moved)
    """
    config, weights = session.config, [weight for weight in session.net.parameters() if weight.requires_grad]
    parts = [partial(gradient, session, weights, part) for part in range(-(-config.batch // config.at_once))]
    total = sum_parts(weights, parts, config.workers)
    value, size = float(total), float(session.optimiser.clip())
    session.course.require_numbers(value, size)
    session.optimiser.step(rate)
    synchronise(session.device)
    return value, size


def gradient(session: Session, weights: Sequence[Tensor], part: int) -> Slopes:
    """The loss of one part of a step's batch, and its slope for every weight."""
    config, flow, random = session.config, session.config.flow, seeded(session, session.clock.step, part)
    num = min(config.at_once, config.batch - part * config.at_once)
    rows = torch.randint(len(session.pictures), (num,), generator=random, device=session.device)
    dropped = Dropped(flow.no_words_frac, flow.no_look_frac, flow.mirrored_frac)
    clean, condition = session.pictures.batch(rows, random, dropped)
    loss = loss_of(session, clean, condition, random, averaged=False).sum() / config.batch
    # At late times a relay's first net is not asked, at early ones its second.
    return loss.detach(), torch.autograd.grad(loss, weights, allow_unused=True, materialize_grads=True)


def loss_of(session: Session, clean: Tensor, condition: Condition, random: torch.Generator, *,
            averaged: bool) -> Tensor:
    """The loss of each row at a time and under noise drawn by `random`. Shapes: clean (B, ...) -> (B,)"""
    forward = session.averaged if averaged and session.optimiser.average else session.forward
    leaps, flow = session.config.leaps, session.config.flow
    if leaps is not None:
        way, teacher = leap_times(leaps, random), denoiser(at_one_time(session.taught), condition, leaps.guidance)
        noise = torch.randn(clean.shape, generator=random, device=clean.device)
        student = at_one_time(forward)
        return leap_loss(lambda z, time: student(z, time, condition), teacher, mixed(clean, noise, way[0]), way)
    times = draw_times(len(clean), random, mean=flow.time_mean, spread=flow.time_spread)
    noise = torch.randn(clean.shape, generator=random, device=clean.device)
    return flow_loss(lambda z, time: forward(z, time, condition), clean, noise, times)


def at_one_time(net: Forward) -> Callable[[Tensor, float, Condition], Tensor]:
    """The net with one time for all rows, as those who walk ask it."""
    return lambda z, time, condition: net(z, z.new_full((len(z),), time), condition)


def leap_times(leaps: Leaps, random: torch.Generator) -> list[float]:
    """The teacher's times within one step of the student: from its beginning, or one time in four from anywhere within
    it, so that a picture which is varied can enter on the way, to its end. Shapes: -> (taught_steps + 1,)
    """
    which, at = torch.rand(2, generator=random, device=random.device).tolist()
    first = int(which * leaps.num_steps)
    start, end = (first + min(max(0.0, 4 * at - 3), MOST_WITHIN)) / leaps.num_steps, (first + 1) / leaps.num_steps
    return [start + (end - start) * time for time in steps(leaps.taught_steps)]


@torch.no_grad()
def judge(session: Session) -> tuple[float | None, float]:
    """The loss on held-out pictures and on as many of those trained on, always at the same times and noise."""
    num, held_out = session.config.watch.validate_pictures, session.held_out
    held_loss = None if held_out is None else _loss_on(session, held_out, num)
    own_loss = _loss_on(session, session.pictures, num)
    session.measures |= {"train_loss": own_loss} | ({} if held_loss is None else {"validation_loss": held_loss})
    return held_loss, own_loss


def _loss_on(session: Session, pictures: Pictures, num: int) -> float:
    random = torch.Generator(session.device).manual_seed(0)
    rows = torch.randperm(len(pictures), generator=random, device=session.device)[:num]
    total = 0.0
    for part in rows.split(session.config.at_once):
        clean, condition = pictures.batch(part, random, NOTHING_DROPPED)
        total += float(loss_of(session, clean, condition, random, averaged=True).sum())
    return total / len(rows)
