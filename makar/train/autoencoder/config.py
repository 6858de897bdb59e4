"""The settings of a run in which an autoencoder learns to clean pictures."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Literal

from makar.kit.errors import BadInput
from makar.nets.shapes import Autoencoded
from makar.train.config import Optimise, Schedule


@dataclass(frozen=True)
class Spoil:
    """What is done to pictures before the net sees them, each time by another amount between nothing and this.

    frac: how often anything is; spots: of 1, 2 and 4 pixels, as a part of the range from -1 to 1; kept: noise on the
    numbers that are kept, whose mean square is 1. drawn: which part of a batch the model itself has spoilt instead, by
    drawing the pictures on from under noise; drawings: how many of each there are
    """

    frac: float = 0.75
    spots: float = 0.25
    kept: float = 0.5
    drawn: float = 0.0
    drawings: int = 3


@dataclass(frozen=True)
class Watch:
    """How often the run looks at itself. A checkpoint is written every `checkpoint_s`, or every `checkpoint_steps`."""

    validate_steps: int = 200
    validate_pictures: int = 256
    sheet_steps: int = 1000
    checkpoint_s: float = 120.0
    checkpoint_steps: int = 0


@dataclass(frozen=True)
class Config:
    """A whole run.

    model: whose drawings the net is to clean, by its name
    start: whose weights the run begins with, a checkpoint's folder or an autoencoder's name; empty for random ones
    widths, blocks_in, blocks_out, latent_dim, fine_dim, times: see `makar.nets.shapes.Autoencoded`
    shift_px: pictures are moved by up to so many pixels; workers: parts of a step that are computed side by side
    """

    recipe: str
    seed: int = 0
    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    model: str = "icons-32"
    start: str = ""
    widths: tuple[int, int] = (48, 96)
    blocks_in: int = 1
    blocks_out: int = 2
    latent_dim: int = 10
    fine_dim: int = 12
    times: int = 2
    batch: int = 32
    shift_px: int = 4
    workers: int = 1
    spoil: Spoil = field(default_factory=Spoil)
    optimise: Optimise = field(default_factory=lambda: Optimise(
        name="adamw", rate=2e-3, weight_decay=0.01, beta1=0.9, beta2=0.99, ema=0.998))
    schedule: Schedule = field(default_factory=lambda: Schedule(num_steps=50_000, warmup_steps=100, decay_frac=0.5))
    watch: Watch = field(default_factory=Watch)

    def architecture(self, size_px: int) -> Autoencoded:
        """The net for pictures of that size.

        Raises: BadInput (they cannot be halved twice)
        """
        try:
            return Autoencoded(size_px, self.widths, self.blocks_in, self.blocks_out, self.latent_dim, self.fine_dim,
                               times=self.times)
        except ValueError as error:
            raise BadInput(f"setting model: {error}") from error


def resolved(config: Config) -> Config:
    """The same with nothing left open.

    Raises: BadInput (settings out of range)
    """
    limits = [("batch", config.batch, 1, 1 << 16), ("workers", config.workers, 1, min(256, config.batch)),
              *((f"widths[{place}]", width, 1, 1 << 12) for place, width in enumerate(config.widths)),
              ("blocks_in", config.blocks_in, 0, 64), ("blocks_out", config.blocks_out, 0, 64),
              ("latent_dim", config.latent_dim, 1, 1 << 12), ("fine_dim", config.fine_dim, 1, 1 << 12),
              ("times", config.times, 1, 32),
              ("shift_px", config.shift_px, 0, 64), ("spoil.frac", config.spoil.frac, 0, 1),
              ("spoil.drawn", config.spoil.drawn, 0, 1), ("spoil.drawings", config.spoil.drawings, 1, 100),
              ("spoil.spots", config.spoil.spots, 0, 10), ("spoil.kept", config.spoil.kept, 0, 10),
              ("optimise.ema", config.optimise.ema, 0.0, 0.99999),
              ("schedule.num_steps", config.schedule.num_steps, 1, 10**8),
              ("watch.validate_steps", config.watch.validate_steps, 1, 10**8),
              ("watch.sheet_steps", config.watch.sheet_steps, 1, 10**8)]
    for name, value, low, high in limits:
        if not low <= value <= high:
            raise BadInput(f"setting {name}: expected {low} to {high:,}, got {value}")
    steps, warmup = config.schedule.num_steps, config.schedule.warmup_steps
    schedule = dataclasses.replace(config.schedule, warmup_steps=min(100, steps // 10) if warmup is None else warmup)
    return dataclasses.replace(config, schedule=schedule)
