"""As much of a mark as the error that is allowed lets in.

Where a colour ends at black or white a part is cut off, so that there is room for more elsewhere: the strength is found
by halving. No colour moves back as the strength grows, so that a few looks at all pixels spare most of the work.
"""

from __future__ import annotations

import numpy as np

from makar.marks.pictures import LUMA, Picture, Reals

_DIRECTION = LUMA / np.linalg.norm(LUMA)  # of a colour: the most brightness for the least change
_HALVINGS = 20
_GUESSES = 3
_SAMPLED = 2048  # pixels that say about where the strength lies
_MARGIN = 0.004


def added(colours: Reals, drawn: Reals, allowed: float) -> Picture:
    """The colours with the drawn brightness, at the strength that comes nearest to the mean squared error allowed.

    Shapes: (n, 3), (n,) -> (n, 3)
    """
    marked = _Marked(colours, drawn, allowed * colours.size)
    every = max(1, len(colours) // _SAMPLED)
    marked.narrow(_Marked(colours[::every], drawn[::every], allowed * colours[::every].size).about())
    return marked.at(marked.strength())


class _Marked:
    """Colours at any strength. Between two strengths that are known few of them differ: those are looked at.

    most: the squared error that all of them may have
    Shapes: (n, 3), (n,)
    """

    def __init__(self, colours: Reals, drawn: Reals, most: float) -> None:
        self._colours, self._drawn, self._most, self._settled = colours, drawn, most, 0.0
        self._highest = 4.0 * np.sqrt(3 * most / colours.size / max(1e-12, float((drawn**2).mean())))
        self._low, self._high = 0.0, np.inf
        self._at_low, self._differ = colours, np.ones(len(colours), dtype=np.bool_)

    def strength(self) -> float:
        """The greatest that is within the error, found by halving."""
        low, high = 0.0, self._highest
        for _ in range(_HALVINGS):
            strength = (low + high) / 2
            within = strength <= self._low or (strength < self._high and self._error(strength) <= self._most)
            low, high = (strength, high) if within else (low, strength)
        return max(low, self._low)

    def about(self) -> float:
        """Where it nearly is: were nothing cut off, the error would grow with the square of the strength."""
        strength = self._highest / 4
        for _ in range(_GUESSES):
            strength = self._nearer(strength)
        return min(strength, self._highest)

    def at(self, strength: float) -> Picture:
        """All of the colours; no strength below one that is known to be within the error. Shapes: -> (n, 3)"""
        marked = self._at_low.astype(np.uint8)
        marked[self._differ] = _moved(self._colours, self._drawn, strength)
        return marked

    def narrow(self, near: float) -> None:
        """Looks only at the colours that differ around a strength near to that which is sought, if it is near."""
        near = self._nearer(near)
        low, high = near * (1 - _MARGIN), near * (1 + _MARGIN)
        at_low, at_high = (_moved(self._colours, self._drawn, strength) for strength in (low, high))
        errors = np.square(at_low - self._colours)
        if errors.sum() <= self._most < np.square(at_high - self._colours).sum():
            differ = (at_low != at_high).any(axis=1)
            self._low, self._high, self._settled = low, high, float(errors[~differ].sum())
            self._at_low, self._differ = at_low, differ
            self._colours, self._drawn = self._colours[differ], self._drawn[differ]

    def _nearer(self, strength: float) -> float:
        return strength * float(np.sqrt(self._most / max(1.0, self._error(strength))))

    def _error(self, strength: float) -> float:
        return self._settled + float(np.square(_moved(self._colours, self._drawn, strength) - self._colours).sum())


def _moved(colours: Reals, drawn: Reals, strength: float) -> Reals:
    moved: Reals = (strength * drawn[:, None]) * _DIRECTION
    moved += colours
    np.clip(moved, 0, 255, out=moved)
    return np.rint(moved, out=moved)
