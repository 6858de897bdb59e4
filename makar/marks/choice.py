"""How much a token's bits tell, as far as the text alone shows how much choice there was: a mark is in the choices, and
there is hardly one about how a word goes on that was begun. A word tells more than what ends it, a long one more than a
short one, and one that is new in the text more than one that was there before.

Without the key the bits are fair coins whatever they count for: wrong weights cost power, never a false alarm.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

LONG_BYTES = 5
"""From so many bytes of its first token on, a word is a long one."""
WEIGHTS = {"rest": (0.2, 0.55), "short": (0.6, 0.8), "long": (0.7, 1.0)}
"""Of tokens that were there before, and of new ones: the mean scores of tokens of texts that no figure is measured on
(`benchmarks/choice.py`), rounded."""


def weights(tokens: Iterable[bytes]) -> NDArray[np.float64]:
    """What each token of a text counts for. Shapes: -> (tokens,)"""
    return np.array([WEIGHTS[kind][new] for kind, new in kinds(tokens)], dtype=np.float64)


def kinds(tokens: Iterable[bytes]) -> Iterator[tuple[str, bool]]:
    """Of each token of a text its kind, and whether it is new there."""
    met = set[bytes]()
    for token in tokens:
        yield kind_of(token), token not in met
        met.add(token)


def kind_of(token: bytes) -> str:
    """Which word a token begins, if it does; where a language puts no spaces, every token begins one."""
    letters = token.lstrip()
    begins = letters[:1] >= b"\x80" or (len(letters) < len(token) and letters[:1].isalpha())
    return "rest" if not begins else "long" if len(letters) >= LONG_BYTES else "short"
