"""Sentences with the commonest words of English in them, no two documents alike."""

from __future__ import annotations

import random

WORDS = ("the of and to that have with in a is was he she it for on as at by from river stone winter lantern orchard",
         "market window morning letter garden bread kettle harbour bridge carpenter teacher music village summer road",
         "field horse candle mountain paper needle copper violet ember meadow thistle anchor feather barrel")


def sentence(rng: random.Random, num_words: int) -> str:
    """A sentence that no other draw repeats, with the commonest words in it."""
    return " ".join(rng.choices(" ".join(WORDS).split(), k=num_words)).capitalize() + "."


def prose(seed: int, num_sentences: int = 12) -> str:
    """Two paragraphs of English-looking sentences."""
    rng = random.Random(seed)
    said = [sentence(rng, rng.randrange(8, 16)) for _ in range(num_sentences)]
    half = num_sentences // 2
    return " ".join(said[:half]) + "\n\n" + " ".join(said[half:]) + "\n"
