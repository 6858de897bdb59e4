"""What `icons-32` draws, once more in 64 pixels: a refiner and a judge, for two cores and an hour.

At first the refiner learns from real pictures alone, which costs a third of a step against the judge.
"""

from __future__ import annotations

from pathlib import Path

from makar.recipes.image import icons_cpu
from makar.train.config import Optimise
from makar.train.contest.config import Config, Penalty, Refine, Watch
from makar.train.contest.recipe import ContestRecipe


def config() -> Config:
    """1.5 million weights that refine, 1.2 million that judge."""
    return Config("image/icons_refined_cpu", workers=2, batch=16, likeness=10.0, alone_steps=400,
                  refine=Refine(), penalty=Penalty(weight=0.3),
                  optimise=Optimise(name="adamw", rate=4e-4, weight_decay=0.0, beta1=0.0, beta2=0.99, clip=1000.0,
                                    ema=0.998), watch=Watch(validate_steps=200, sheet_steps=200))


def obtain(folder: Path, num: int) -> Path:
    """The pack of `image/icons_cpu`; what is drawn of it comes when the run begins."""
    return icons_cpu.obtain(folder).folder


RECIPE = ContestRecipe("pictures of icons-32 in twice the size, sharper, for a processor without a GPU", config, obtain)
