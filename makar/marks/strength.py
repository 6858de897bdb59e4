"""As much of a mark as the error that is allowed lets in.

Where a colour ends at black or white a part is cut off, so that there is room for more elsewhere: the strength is found
by halving. No colour moves back as the strength grows, so that a few looks at all pixels spare most of the work.
"""

from __future__ import annotations

import numpy as np

from makar.marks.pictures import LUMA, Picture, Reals

_DIRECTION = LUMA / np.linalg.norm(LUMA)  # of a colour: the most brightness for the least change
_HALVINGS = 20
_SAMPLED = 4096  # pixels that say about where the strength lies
_MARGIN = 0.004


def added(colours: Reals, drawn: Reals, allowed: float) -> Picture:
    """The colours with the drawn brightness, at the strength that comes nearest to the mean squared error allowed.

    Shapes: (n, 3), (n,) -> (n, 3)
    """
    return _moved(colours, drawn, _strength(colours, drawn, allowed)).astype(np.uint8)


def _strength(colours: Reals, drawn: Reals, allowed: float) -> float:
    within = _Within(colours, drawn, allowed)
    low, high = 0.0, 4.0 * np.sqrt(3 * allowed / max(1e-12, float((drawn**2).mean())))
    for _ in range(_HALVINGS):
        strength = (low + high) / 2
        low, high = (strength, high) if within(strength) else (low, strength)
    return low


class _Within:
    """Whether a strength stays within the error allowed. Between two that are known, few colours differ: those count.

    Shapes: (n, 3), (n,)
    """

    def __init__(self, colours: Reals, drawn: Reals, allowed: float) -> None:
        self._most = allowed * colours.size
        self._colours, self._drawn, self._settled = colours, drawn, 0.0
        self._low, self._high = 0.0, np.inf
        if len(colours) > 2 * _SAMPLED:
            every = len(colours) // _SAMPLED
            near = _strength(colours[::every], drawn[::every], allowed)
            near *= np.sqrt(self._most / max(1.0, self._error(near)))
            self._narrow(near * (1 - _MARGIN), near * (1 + _MARGIN))

    def __call__(self, strength: float) -> bool:
        if self._low < strength < self._high:
            return self._error(strength) + self._settled <= self._most
        return strength <= self._low

    def _error(self, strength: float) -> float:
        return float(np.square(_moved(self._colours, self._drawn, strength) - self._colours).sum())

    def _narrow(self, low: float, high: float) -> None:
        at_low, at_high = (_moved(self._colours, self._drawn, strength) for strength in (low, high))
        errors = (at_low - self._colours)**2
        if errors.sum() <= self._most < ((at_high - self._colours)**2).sum():
            differ = (at_low != at_high).any(axis=1)
            self._low, self._high, self._settled = low, high, float(errors[~differ].sum())
            self._colours, self._drawn = self._colours[differ], self._drawn[differ]


def _moved(colours: Reals, drawn: Reals, strength: float) -> Reals:
    moved: Reals = (strength * drawn[:, None]) * _DIRECTION
    moved += colours
    np.clip(moved, 0, 255, out=moved)
    return np.rint(moved, out=moved)
