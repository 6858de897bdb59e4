"""A stand-in for a language model: letters drawn from random distributions, with a tokenizer of a letter a token."""

from __future__ import annotations

import numpy as np

from makar.codecs.bpe import Tokenizer
from makar.marks.key import MarkKey
from makar.marks.likelihood import Guess
from makar.marks.tokenizers import Known
from makar.marks.tournament import Marker
from makar.methods.autoregress.sampling import draw
from makar.methods.autoregress.tiny import _byte_tokenizer

LETTERS = np.frombuffer(b"abcdefghijklmnopqrstuvwxyz ", dtype=np.uint8)


def letters() -> Known:
    """The tokenizer of the model `tiny`: a byte a token."""
    return Known(("tiny",), _byte_tokenizer())


def write(known: Known, num_tok: int, *, key: MarkKey | None, seed: int, sharpness: float = 1.0) -> str:
    """A text of so many letters, marked with `key` if there is one; the sharper, the less there is to choose."""
    random = np.random.default_rng(seed)
    ids = np.array([_id_of(known.tokenizer, byte) for byte in LETTERS.tolist()])
    marker, made = None if key is None else Marker(key, seed), []
    for _ in range(num_tok):
        weights = random.exponential(size=len(ids)) ** sharpness
        if marker is not None:
            weights = marker.reweigh(ids, weights)
        made.append(int(ids[draw(weights, float(random.random()))]))
        if marker is not None:
            marker.push(made[-1])
    return known.tokenizer.decode(made)


def guesses(known: Known, num_tok: int, *, seed: int, sharpness: float = 1.0) -> list[Guess]:
    """What each letter of `write` was drawn from."""
    random = np.random.default_rng(seed)
    ids, found = np.array([_id_of(known.tokenizer, byte) for byte in LETTERS.tolist()]), []
    for _ in range(num_tok):
        weights = random.exponential(size=len(ids)) ** sharpness
        found.append(Guess(ids, weights / weights.sum()))
        random.random()
    return found


def _id_of(tokenizer: Tokenizer, byte: int) -> int:
    return tokenizer.encode(chr(byte))[0]
