"""The loop over an autoencoder: pictures are spoilt, and it learns to give them back. Everything it changes is in the
`Session`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import torch
from torch import Tensor
from torch.func import functional_call
from torch.nn import functional

from makar.nets.autoencoder import Autoencoder
from makar.train.autoencoder.config import Config, Spoil
from makar.train.clock import Clock, left_s
from makar.train.course import Course
from makar.train.device import synchronise
from makar.train.optimise import Optimiser
from makar.train.parts import Slopes, sum_parts
from makar.train.pictures.data import values_of

SPOTS_PX = (1, 2, 4)
_AT_ONCE = 64


@dataclass(frozen=True)
class Progress:
    """What a step came to.

    error: how far pictures that were never trained on come out from what they are, given small, as the mean
    difference of values from 0 to 255; train_error: as many that were
    """

    step: int
    loss: float
    gradient_norm: float
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
    """A run in memory. `save` writes a checkpoint and returns where.

    Shapes: pictures, held_out (N, made_px, made_px, 4) uint8
    """

    config: Config
    net: Autoencoder
    optimiser: Optimiser
    pictures: Tensor
    held_out: Tensor
    clock: Clock
    save: Callable[[Session], Path]
    out: Path
    device: torch.device
    dtype: torch.dtype
    limit_s: float = math.inf
    measures: dict[str, float] = field(default_factory=dict)

    @property
    def course(self) -> Course:
        """How it goes on from step to step."""
        config, watch = self.config, self.config.watch
        return Course(config.recipe, self.out, self.clock, config.schedule, config.optimise.rate or 0.0, self.limit_s,
                      watch.validate_steps, watch.checkpoint_s, watch.checkpoint_steps, lambda: self.save(self))

    @torch.no_grad()
    def cleaned(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Pictures given small as the net makes them, with the average of its weights where one is kept, and as they
        are. Shapes: (N, made_px, made_px, 4) uint8 -> (N, 4, made_px, made_px) twice
        """
        clean = values_of(pixels)
        with self.precisely():
            made = [functional_call(self.net, self.optimiser.average, (functional.avg_pool2d(part, self.config.times),))
                    for part in clean.split(_AT_ONCE)]
        return torch.cat(made).float(), clean

    def precisely(self) -> torch.autocast:
        """In the precision of the run."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.dtype == torch.bfloat16)


def train(session: Session) -> Iterator[Progress]:
    """Trains until the last step or the time limit, with a checkpoint now and then and at the end.

    Raises: BadInput (the loss is no number), Interrupted (after a checkpoint), OutOfRoom
    """
    clock, batch = session.clock, session.config.batch
    for step in session.course.run(batch, partial(take_step, session), partial(judge, session)):
        (loss, norm), (error, train_error) = step.taken, step.seen or (None, None)
        yield Progress(clock.step, loss, norm, step.rate, clock.num_tok, batch / step.spent_s, clock.seconds,
                       left_s(clock, session.limit_s), error, train_error, step.checkpoint)


def take_step(session: Session, rate: float) -> tuple[float, float]:
    """One step of the optimiser from one batch; returns the loss and the norm of the gradient.

    Raises: BadInput (the loss is no number: nothing was moved)
    """
    workers, weights = session.config.workers, list(session.net.parameters())
    total = sum_parts(weights, [partial(_gradient, session, weights, part) for part in range(workers)], workers)
    value, size = float(total), float(session.optimiser.clip())
    session.course.require_numbers(value, size)
    session.optimiser.step(rate)
    synchronise(session.device)
    return value, size


def _gradient(session: Session, weights: Sequence[Tensor], part: int) -> Slopes:
    """The loss of one worker's part of a step, and its slope for every weight; chance is the same whether or not the
    run was interrupted before.
    """
    config, device = session.config, session.device
    num = config.batch // config.workers + (part < config.batch % config.workers)
    random = torch.Generator(device).manual_seed((config.seed * 1_000_003 + session.clock.step) + part * 2**40)
    rows = torch.randint(len(session.pictures), (num,), generator=random, device=device)
    clean = moved(values_of(session.pictures[rows]), config.shift_px, random)
    given = spoilt(functional.avg_pool2d(clean, config.times), config.spoil, random)
    with session.precisely():
        kept = session.net.encode(given.contiguous(memory_format=torch.channels_last))
        made = session.net.decode(noisy(kept, config.spoil.kept, random))
    loss = distance(made.float(), clean) * (num / config.batch)
    return loss.detach(), torch.autograd.grad(loss, weights)


def distance(made: Tensor, clean: Tensor) -> Tensor:
    """How far pictures are apart: their values, absolute and squared, and the steps from each pixel to the next, which
    are what edges are made of.

    Shapes: (B, C, H, W) twice -> ()
    Source: Mathieu et al. 2015, arXiv:1511.05440, eq. 6 (the steps between pixels)
    """
    apart = made - clean
    steps = apart.diff(dim=-1).abs().mean() + apart.diff(dim=-2).abs().mean()
    return apart.abs().mean() + apart.square().mean() + steps


def moved(pictures: Tensor, most_px: int, random: torch.Generator) -> Tensor:
    """Pictures mirrored or not, and all moved by one distance; what leaves on one side comes in on the other.

    Shapes: (B, C, S, S) -> the same
    """
    mirrored = torch.rand(len(pictures), 1, 1, 1, generator=random, device=pictures.device) < 0.5
    by = torch.randint(-most_px, most_px + 1, (2,), generator=random, device=pictures.device).tolist()
    return torch.where(mirrored, pictures.flip(3), pictures).roll(by, (2, 3))


def spoilt(pictures: Tensor, spoil: Spoil, random: torch.Generator) -> Tensor:
    """Pictures blurred and spotted, as those are that a small model has drawn. Shapes: (B, C, S, S) -> the same"""
    num, channels, side = pictures.shape[:3]
    chance = torch.rand(2 + 2 * len(SPOTS_PX), num, 1, 1, 1, generator=random, device=pictures.device)
    blurred = functional.avg_pool2d(functional.pad(pictures, (1, 1, 1, 1), mode="replicate"), 3, 1)
    found = torch.lerp(pictures, blurred, chance[1])
    for place, width in enumerate(SPOTS_PX):
        spots = torch.randn(num, channels, side // width, side // width, generator=random, device=pictures.device)
        spots = functional.interpolate(spots, (side, side), mode="bilinear")
        found = found + spoil.spots * chance[2 + 2 * place] * chance[3 + 2 * place] * spots
    return torch.where(chance[0] < spoil.frac, found, pictures)


def noisy(kept: Tensor, most: float, random: torch.Generator) -> Tensor:
    """What is kept of pictures, with noise of another strength for each. Shapes: (B, latent_dim, H, W) -> the same"""
    strength = most * torch.rand(len(kept), 1, 1, 1, generator=random, device=kept.device)
    return kept + strength * torch.randn(kept.shape, generator=random, device=kept.device)


def judge(session: Session) -> tuple[float | None, float]:
    """How far pictures come out from what they are, never trained on and trained on."""
    own = _error(session, session.pictures)
    held_out = _error(session, session.held_out) if len(session.held_out) else None
    session.measures |= {"train_error": own} | ({} if held_out is None else {"error": held_out})
    return held_out, own


def _error(session: Session, pictures: Tensor) -> float:
    rows = torch.randperm(len(pictures), generator=torch.Generator().manual_seed(0))
    made, clean = session.cleaned(pictures[rows[:session.config.watch.validate_pictures].to(pictures.device)])
    return float((made.clamp(-1, 1) - clean).abs().mean()) * 127.5
