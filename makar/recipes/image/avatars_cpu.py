"""Avatars in one pass: a painter and a critic, for two cores and minutes.

At first the painter learns from real pictures alone, which costs a third of a step against the critic.
"""

from __future__ import annotations

from pathlib import Path

from makar.train.config import Optimise
from makar.train.contest.config import Config, Net, Watch
from makar.train.contest.recipe import ContestRecipe


def config() -> Config:
    """2.9 million weights that paint, 1.8 million that judge."""
    return Config("image/avatars_cpu", workers=2, likeness=20.0, alone_steps=1500, net=Net(num_inks=12),
                  optimise=Optimise(name="adamw", rate=1e-3, weight_decay=0.0, beta1=0.0, beta2=0.99, clip=1000.0,
                                    ema=0.99), watch=Watch(validate_steps=100, sheet_steps=200))


def obtain(folder: Path, num: int) -> Path:
    """Avatars of DiceBear's Pixel Art (CC0), with the attributes that the generator names."""
    from makar.curation.pictures.avatars import FILE, avatars

    avatars(folder, num)
    return folder / FILE


RECIPE = ContestRecipe("avatars by their attributes in one pass, for a processor without a GPU", config, obtain)
