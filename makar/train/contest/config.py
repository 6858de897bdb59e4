"""The settings of a run in which a painter learns from a critic."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Literal

from makar.kit.errors import BadInput
from makar.nets import adversaries
from makar.train.config import Optimise, Schedule


@dataclass(frozen=True)
class Net:
    """The shape of both nets; see `makar.nets.adversaries.Config`."""

    noise_dim: int = 32
    dim: int = 256
    hidden_dim: int = 512
    num_blocks: int = 2
    num_inks: int = 16


@dataclass(frozen=True)
class Penalty:
    """R1 and R2: their weight, and on what part of every batch they are measured.

    The part stands for the whole, so the penalty is the same on average and costs less.
    """

    weight: float = 0.05
    part_frac: float = 0.25


@dataclass(frozen=True)
class Watch:
    """How often the run looks at itself. A checkpoint is written every `checkpoint_s`, or every `checkpoint_steps`."""

    validate_steps: int = 200
    validate_pictures: int = 512
    sheet_steps: int = 1000
    checkpoint_s: float = 120.0
    checkpoint_steps: int = 0


@dataclass(frozen=True)
class Config:
    """A whole run.

    num_pictures: how many the recipe draws to learn from; held_out_frac: of them, never trained on
    likeness: how much the painter is drawn, beside the critic's word, to the real picture with the same attributes
    (the mean difference of values from -1 to 1); Isola et al. 2017, arXiv:1611.07004, eq. 4
    alone_steps: for how many steps it learns from that alone, before the critic comes in, which costs three times as
    much; Ledig et al. 2017, arXiv:1609.04802, section 3.2
    workers: parts of a step that are computed side by side, each by one thread
    """

    recipe: str
    seed: int = 0
    device: Literal["auto", "cpu", "cuda"] = "auto"
    num_pictures: int = 12_000
    held_out_frac: float = 0.05
    batch: int = 64
    likeness: float = 0.0
    alone_steps: int = 0
    workers: int = 1
    net: Net = field(default_factory=Net)
    penalty: Penalty = field(default_factory=Penalty)
    optimise: Optimise = field(default_factory=lambda: Optimise(
        name="adamw", rate=1e-3, weight_decay=0.0, beta1=0.0, beta2=0.99, clip=1000.0, ema=0.998))
    schedule: Schedule = field(default_factory=lambda: Schedule(num_steps=50_000, warmup_steps=50, decay_frac=0.5))
    watch: Watch = field(default_factory=Watch)

    def architecture(self, size_px: int, attributes: tuple[int, ...]) -> adversaries.Config:
        """The nets for pictures of that size with that many values of each attribute."""
        n = self.net
        return adversaries.Config(size_px, attributes, n.noise_dim, n.dim, n.hidden_dim, n.num_blocks, n.num_inks)


def resolved(config: Config) -> Config:
    """The same with nothing left open.

    Raises: BadInput (settings out of range)
    """
    limits = [("batch", config.batch, 1, 1 << 16), ("workers", config.workers, 1, min(256, config.batch)),
              ("num_pictures", config.num_pictures, 2, 10**7), ("held_out_frac", config.held_out_frac, 0, 0.9),
              ("net.noise_dim", config.net.noise_dim, 1, 1 << 16), ("net.dim", config.net.dim, 1, 1 << 16),
              ("net.hidden_dim", config.net.hidden_dim, 1, 1 << 16), ("net.num_blocks", config.net.num_blocks, 0, 256),
              ("net.num_inks", config.net.num_inks, 2, 256), ("penalty.part_frac", config.penalty.part_frac, 0.001, 1),
              ("penalty.weight", config.penalty.weight, 0, 1e6), ("optimise.ema", config.optimise.ema, 0.0, 0.99999),
              ("likeness", config.likeness, 0, 1e6), ("alone_steps", config.alone_steps, 0, 10**8),
              ("schedule.num_steps", config.schedule.num_steps, 1, 10**8),
              ("watch.validate_steps", config.watch.validate_steps, 1, 10**8),
              ("watch.sheet_steps", config.watch.sheet_steps, 1, 10**8)]
    if config.alone_steps and not config.likeness:
        raise BadInput("alone_steps needs a likeness to learn from: --set likeness=20")
    for name, value, low, high in limits:
        if not low <= value <= high:
            raise BadInput(f"setting {name}: expected {low} to {high:,}, got {value}")
    steps, warmup = config.schedule.num_steps, config.schedule.warmup_steps
    schedule = dataclasses.replace(config.schedule, warmup_steps=min(50, steps // 10) if warmup is None else warmup)
    return dataclasses.replace(config, schedule=schedule)
