"""Pictures on their way, kept by their principal components.

What a net over components finds lies in the space of these, but for the mean of all pictures; a walk adds this to the
noise it began with. So a step needs the components alone, and the pictures are put together where somebody asks.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from makar.native.products import Matrix

Reals = NDArray[np.float32]


@dataclass(frozen=True)
class Space:
    """Principal components of pictures. back: from components times `scales` to pictures

    Shapes: mean (values,), basis (components, values), back (values, components), scales (components,)
    """

    mean: Reals
    basis: Matrix
    back: Matrix
    scales: Reals

    @functools.cached_property
    def of_mean(self) -> Reals:
        """The components of the mean itself. Shapes: -> (1, components)"""
        return self.basis.finely(self.mean[None])

    def begin(self, noise: Reals) -> Spanned:
        """Noise, from which a way begins. Shapes: (B, C, S, S)"""
        seen = self.basis.finely(noise.reshape(len(noise), -1))
        return Spanned(self, np.zeros_like(seen), noise, seen, 1.0, 0.0)

    def pictures(self, components: Reals) -> Reals:
        """Shapes: (B, components) -> (B, values)"""
        return self.back.finely(np.asarray(components * self.scales, np.float32))


@dataclass(frozen=True, eq=False)
class Spanned:
    """Pictures B' c + n e + m a: with B the space, c what was found, e the noise that the way began with, a the mean.

    They are added, multiplied by numbers and chosen from as an array is. Those of one way have the same noise; anything
    else makes them an array.

    Shapes: found (B, components), noise (B, C, S, S), seen (B, components): the components of the noise
    """

    space: Space
    found: Reals
    noise: Reals
    seen: Reals
    of_noise: float
    of_mean: float

    __array_ufunc__ = None  # an array that meets them leaves it to them

    @functools.cached_property
    def whole(self) -> Reals:
        """As an array. Shapes: -> (B, C, S, S)"""
        spanned = self.space.pictures(self.found) + np.float32(self.of_mean) * self.space.mean
        found: Reals = spanned.reshape(self.noise.shape) + np.float32(self.of_noise) * self.noise
        return found

    def components(self, mean: float) -> Reals:
        """Of the pictures less so much of the mean. Shapes: -> (B, components)"""
        of_mean = np.float32(self.of_mean - mean) * self.space.of_mean
        found: Reals = self.found + np.float32(self.of_noise) * self.seen + of_mean
        return found

    def clean(self, found: Reals) -> Spanned:
        """The pictures with those components, without noise."""
        return Spanned(self.space, found, self.noise, self.seen, 0.0, 1.0)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return np.array(self.whole, dtype, copy=True if copy else None) if copy is not False else self.whole

    def __len__(self) -> int:
        return len(self.found)

    def __getitem__(self, rows: Any) -> Spanned:
        return Spanned(self.space, self.found[rows], self.noise[rows], self.seen[rows], self.of_noise, self.of_mean)

    def __add__(self, other: Any) -> Any:
        if not isinstance(other, Spanned):
            return self.whole + other
        return Spanned(self.space, self.found + other.found, self.noise, self.seen, self.of_noise + other.of_noise,
                       self.of_mean + other.of_mean)

    def __radd__(self, other: Any) -> Any:
        return other + self.whole

    def __mul__(self, number: float) -> Spanned:
        return Spanned(self.space, np.float32(number) * self.found, self.noise, self.seen, number * self.of_noise,
                       number * self.of_mean)

    __rmul__ = __mul__

    def __truediv__(self, number: float) -> Spanned:
        return self * (1 / number)

    def __sub__(self, other: Any) -> Any:
        return self + other * -1.0

    def __rsub__(self, other: Any) -> Any:
        return other - self.whole
