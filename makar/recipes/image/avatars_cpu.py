"""Avatars in one pass: a painter and a critic that two cores train in half an hour."""

from __future__ import annotations

from pathlib import Path

from makar.train.contest.config import Config, Net
from makar.train.contest.recipe import ContestRecipe


def config() -> Config:
    """2.9 million weights that paint, 1.8 million that judge."""
    return Config("image/avatars_cpu", workers=2, likeness=20.0, alone_steps=2000, net=Net(num_inks=12))


def obtain(folder: Path, num: int) -> Path:
    """Avatars of DiceBear's Pixel Art (CC0), with the attributes that the generator names."""
    from makar.curation.pictures.avatars import FILE, avatars

    avatars(folder, num)
    return folder / FILE


RECIPE = ContestRecipe("avatars by their attributes in one pass, for a processor without a GPU", config, obtain)
