"""Python: the standard library that is installed here, half of it with gaps to fill in."""

from __future__ import annotations

import sysconfig
from pathlib import Path

from makar.train.config import Config, Data, Schedule, Watch
from makar.train.recipe import Recipe
from makar.train.source import Source, read_folders

LEFT_OUT = ("test", "tests", "idle_test", "site-packages", "dist-packages", "__pycache__", "lib2to3", "pydoc_data",
            "encodings")


def config() -> Config:
    """Four layers of 256 channels; half of all pieces are rearranged around a gap."""
    return Config("code/python", size=4, data=Data(vocab_size=8192, context_tok=512, fim_frac=0.5,
                                                   validation_frac=0.02),
                  schedule=Schedule(num_steps=4000), watch=Watch(validate_steps=100, sample_steps=250))


def obtain(folder: Path) -> Source:
    """The standard library where it lies, without its tests and tables. Its licence is PSF-2.0."""
    return read_folders({Path(sysconfig.get_path("stdlib")): "PSF-2.0"}, leave_out=LEFT_OUT)


RECIPE = Recipe("Python with fill-in-the-middle, from the installed standard library", config, obtain)
