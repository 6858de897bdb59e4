"""Finds the mark in text. Needs the key and the tokenizer that the text was made with, and no weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from makar.marks.finding import Finding
from makar.marks.key import MarkKey, keys
from makar.marks.kinds import Mark
from makar.marks.tail import p_value
from makar.marks.tokenizers import Known, remembered
from makar.marks.tournament import CONTEXT_TOK, NUM_LANES, NUM_LAYERS, SCHEME, sliding, words

# A work is said to carry a mark where at most this share of unmarked texts would seem to.
THRESHOLD = 1e-4
# Fewer counted tokens than this cannot rule a mark out: of marked prose of this length one in a hundred is missed.
ENOUGH_TOK = 400
WINDOW_TOK = 200

Reals = NDArray[np.float64]
Weigh = Callable[[Sequence[int]], Sequence[float]]


@dataclass(frozen=True)
class Looking:
    """What to look with.

    keys: None is every key on this machine
    tokenizers: None is those that were used with the keys
    weigh: the weight of each token of a text after the first, such as its surprise to the model that may have made it;
    None counts all alike. It may depend on the text alone, never on the key.
    """

    keys: Sequence[MarkKey] | None = None
    tokenizers: Sequence[Known] | None = None
    weigh: Weigh | None = None
    threshold: float = THRESHOLD


def detect(text: str, looking: Looking | None = None) -> Finding:
    """Whether `text`, or a stretch of it, carries the mark of one of the keys.

    Raises: Damaged (a key or tokenizer that cannot be read)
    """
    raise NotImplementedError
