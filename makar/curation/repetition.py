"""How much of a text was said before in it: lines, paragraphs, and runs of words.

Source: Gopher = Rae et al. 2021 (arXiv:2112.11446), table A1
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from makar.curation.words import words_of


@dataclass(frozen=True)
class RepetitionConfig:
    """The greatest shares that may be repetition. `top_*`: of words in the commonest run of 2, 3 and 4 words.
    `repeated_*`: of words in any run of 5 to 10 words that comes more than once. Fewer words than `least_words` are
    not judged.
    """

    lines_frac: float = 0.30
    line_chars_frac: float = 0.20
    paragraphs_frac: float = 0.30
    paragraph_chars_frac: float = 0.20
    top_frac: tuple[float, ...] = (0.20, 0.18, 0.16)
    repeated_frac: tuple[float, ...] = (0.15, 0.14, 0.13, 0.12, 0.11, 0.10)
    least_words: int = 50


def repeated(text: str, lines: Sequence[str], config: RepetitionConfig) -> Iterator[tuple[str, str]]:
    """(rule, what it allows and what was found) for every limit that the text is over."""
    paragraphs = [part.strip() for part in re.split(r"\n\s*\n", text) if part.strip()]
    for name, units, most, most_chars in (("lines", lines, config.lines_frac, config.line_chars_frac),
                                          ("paragraphs", paragraphs, config.paragraphs_frac,
                                           config.paragraph_chars_frac)):
        share, chars = _said_before(units)
        if share > most:
            yield f"gopher_repeated_{name}", f"{share:.2f} of {name} were there before; expected at most {most:g}"
        if chars > most_chars:
            yield (f"gopher_repeated_{name}_chars",
                   f"{chars:.2f} of characters are in {name} that were there before; expected at most {most_chars:g}")
    words = words_of([text])
    if len(words.numbers) < config.least_words:
        return
    for size, most in enumerate(config.top_frac, 2):
        share = _top(words.shingles(size)[0], size, len(words.numbers))
        if share > most:
            yield f"gopher_top_{size}_gram", f"{share:.2f} of words are in one run of {size}; expected at most {most:g}"
    for size, most in enumerate(config.repeated_frac, 5):
        share = _in_repeats(words.shingles(size)[0], size, len(words.numbers))
        if share > most:
            yield (f"gopher_repeated_{size}_gram",
                   f"{share:.2f} of words are in runs of {size} that come again; expected at most {most:g}")


def _said_before(units: Sequence[str]) -> tuple[float, float]:
    """The shares of units, and of their characters, that are copies of an earlier one."""
    again = sum(count - 1 for count in Counter(units).values())
    chars = sum((count - 1) * len(unit) for unit, count in Counter(units).items())
    return again / max(1, len(units)), chars / max(1, sum(map(len, units)))


def _top(runs: Any, size: int, num_words: int) -> float:
    if len(runs) == 0:
        return 0.0
    most = int(np.unique(runs, return_counts=True)[1].max())
    return most * size / num_words if most > 1 else 0.0


def _in_repeats(runs: Any, size: int, num_words: int) -> float:
    """The share of words that stand in a run which is not the first of its kind."""
    if len(runs) == 0:
        return 0.0
    first = np.zeros(len(runs), bool)
    first[np.unique(runs, return_index=True)[1]] = True
    change = np.zeros(num_words + 1, np.int64)
    again = np.flatnonzero(~first)
    np.add.at(change, again, 1)
    np.add.at(change, again + size, -1)
    return float((np.cumsum(change)[:num_words] > 0).mean())
