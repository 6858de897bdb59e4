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
    difference of values from 0 to 255; drawn_error: given as the model draws them; train_error: as many that were
    trained on, given small
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
    drawn_error: float | None = None
    checkpoint: Path | None = None


@dataclass(frozen=True)
class Pictures:
    """Pictures of one split, and the same as the model draws them, if that is to be learned from.

    Shapes: pixels (N, made_px, made_px, 4) uint8, drawn (N, drawings, S, S, 4) uint8
    """

    pixels: Tensor
    drawn: Tensor | None = None

    def __len__(self) -> int:
        return len(self.pixels)

    def given(self, rows: Tensor, times: int) -> tuple[Tensor, Tensor]:
        """What is given to be judged or shown, and what they are: as the model draws them, or else small.

        Shapes: rows (B,) -> (B, 4, S, S), (B, 4, made_px, made_px)
        """
        clean = values_of(self.pixels[rows])
        return functional.avg_pool2d(clean, times) if self.drawn is None else values_of(self.drawn[rows, 0]), clean


@dataclass
class Session:
    """A run in memory. `save` writes a checkpoint and returns where."""

    config: Config
    net: Autoencoder
    optimiser: Optimiser
    pictures: Pictures
    held_out: Pictures | None
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
    def made_of(self, given: Tensor) -> Tensor:
        """What the net makes of small pictures, with the average of its weights where one is kept.

        Shapes: (N, 4, S, S) -> (N, 4, made_px, made_px)
        """
        with self.precisely():
            made = [functional_call(self.net, self.optimiser.average, (part,)) for part in given.split(_AT_ONCE)]
        return torch.cat(made).float()

    def precisely(self) -> torch.autocast:
        """In the precision of the run."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.dtype == torch.bfloat16)


def train(session: Session) -> Iterator[Progress]:
    """Trains until the last step or the time limit, with a checkpoint now and then and at the end.

    Raises: BadInput (the loss is no number), Interrupted (after a checkpoint), OutOfRoom
    """
    clock, batch = session.clock, session.config.batch
    for step in session.course.run(batch, partial(take_step, session), partial(judge, session)):
        (loss, norm), (error, train_error, drawn_error) = step.taken, step.seen or (None, None, None)
        yield Progress(clock.step, loss, norm, step.rate, clock.num_tok, batch / step.spent_s, clock.seconds,
                       left_s(clock, session.limit_s), error, train_error, drawn_error, step.checkpoint)


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
    drawn = session.pictures.drawn
    num_drawn = 0 if drawn is None else round(num * config.spoil.drawn)
    pictures = values_of(session.pictures.pixels[rows])
    clean, _ = moved(pictures[num_drawn:], config.shift_px, random)
    given = spoilt(functional.avg_pool2d(clean, config.times), config.spoil, random)
    if drawn is not None and num_drawn:
        which = torch.randint(drawn.shape[1], (num_drawn,), generator=random, device=device)
        others, mended = moved(pictures[:num_drawn], config.shift_px, random, values_of(drawn[rows[:num_drawn], which]))
        clean, given = torch.cat((others, clean)), torch.cat((mended, given))
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


def moved(pictures: Tensor, most_px: int, random: torch.Generator, small: Tensor | None = None
          ) -> tuple[Tensor, Tensor]:
    """Pictures mirrored or not, and all moved by one distance; what leaves on one side comes in on the other. And the
    same small ones, moved with them by whole pixels of theirs.

    Shapes: pictures (B, C, M, M), small (B, C, S, S) -> the same
    """
    small = pictures if small is None else small
    times = pictures.shape[-1] // small.shape[-1]
    most = most_px // times
    mirrored = torch.rand(len(pictures), 1, 1, 1, generator=random, device=pictures.device) < 0.5
    by = torch.randint(-most, most + 1, (2,), generator=random, device=pictures.device).tolist()
    large, little = (torch.where(mirrored, part.flip(3), part) for part in (pictures, small))
    return large.roll([times * step for step in by], (2, 3)), little.roll(by, (2, 3))


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


def judge(session: Session) -> tuple[float | None, float, float | None]:
    """How far pictures come out from what they are: never trained on, trained on, and those that were never trained on
    as the model draws them.
    """
    found = {"train_error": _error(session, Pictures(session.pictures.pixels))}
    if session.held_out is not None:
        found["error"] = _error(session, Pictures(session.held_out.pixels))
        if session.held_out.drawn is not None:
            found["drawn_error"] = _error(session, session.held_out)
    session.measures |= found
    return found.get("error"), found["train_error"], found.get("drawn_error")


@torch.no_grad()
def _error(session: Session, pictures: Pictures) -> float:
    chosen = torch.randperm(len(pictures), generator=torch.Generator().manual_seed(0))
    rows = chosen[:session.config.watch.validate_pictures].to(session.device)
    given, clean = pictures.given(rows, session.config.times)
    return float((session.made_of(given).clamp(-1, 1) - clean).abs().mean()) * 127.5
