"""Longer texts of random words, and copies of them with a share of the words replaced."""

from __future__ import annotations

import random

VOCABULARY = [f"{first}{second}{third}" for first in ("ba", "ke", "lo", "mi", "tu", "ra") for second in
              ("na", "so", "vi", "du", "pe", "ko") for third in ("ter", "len", "gor", "mas", "", "nik", "zel")]


def long_prose(seed: int) -> str:
    """60 to 300 words."""
    rng = random.Random(seed)
    return " ".join(rng.choices(VOCABULARY, k=rng.randrange(60, 300)))


def edited(text: str, seed: int, share: float = 0.02) -> str:
    """The text with this share of its words replaced by words of no other text."""
    rng = random.Random(seed)
    words = text.split(" ")
    for place in rng.sample(range(len(words)), max(1, round(share * len(words)))):
        words[place] = f"changed{rng.randrange(10**9)}"
    return " ".join(words)
