"""Seconds: sentences that a few rules make, learned by a net of one layer. To see that everything works."""

from __future__ import annotations

from pathlib import Path
from random import Random

from makar.kit.files import atomic_write
from makar.train.config import Batch, Config, Data, Model, Optimise, Schedule, Watch
from makar.train.recipe import Recipe
from makar.train.source import Source, read_folders

_WHO = ("the cat", "the dog", "a child", "an old man", "the miller", "a bird", "the queen", "my brother")
_DOES = ("sees", "follows", "remembers", "forgets", "paints", "finds", "loves", "wakes")
_WHERE = ("by the river", "in the garden", "under the bridge", "at night", "before dawn", "in the rain")
NUM_DOCUMENTS, SENTENCES = 400, 12


def config() -> Config:
    """One layer of 64 channels, 60 steps of 1,024 tokens."""
    return Config("text/tiny", size=1, data=Data(vocab_size=320, context_tok=64, validation_frac=0.1),
                  model=Model(dim=64, num_heads=2), optimise=Optimise(rate=6e-3), schedule=Schedule(60, 5),
                  batch=Batch(tokens=1024), watch=Watch(validate_steps=20, validate_rows=16, sample_steps=60,
                                                        sample_tok=60))


def obtain(folder: Path) -> Source:
    """Writes the sentences. They are made by rule, so nobody's: CC0-1.0."""
    random = Random(0)
    for number in range(NUM_DOCUMENTS):
        text = " ".join(sentence(random) for _ in range(SENTENCES))
        atomic_write(folder / f"{number:04}.txt", f"{text}\n")
    return read_folders({folder: "CC0-1.0"})


def sentence(random: Random) -> str:
    """One sentence, such as "The cat sees a bird at night."."""
    who, does, whom, where = (words[int(random.random() * len(words))] for words in (_WHO, _DOES, _WHO, _WHERE))
    return f"{who[0].upper()}{who[1:]} {does} {whom} {where}."


RECIPE = Recipe("seconds: sentences made by rule, to see that everything works", config, obtain)
