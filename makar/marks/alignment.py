"""Finds how a picture lies on the tile: how much it was enlarged, and where it was cut out.

Four questions are asked of a picture, from the likeliest to the most that can be: is it as it was marked; was it only
cut; only enlarged or reduced as a whole; both. A quarter of the allowed false positives goes to each, shared evenly
(Bonferroni) among all that it tries, so that a picture that nobody cut needs not pay for those that somebody did.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from makar.marks.pictures import Picture, residual
from makar.marks.waves import CYCLES, TILE_PX, Reals, Spectrum, Waves, deviation, pattern, spectrum_at

SMALLEST, LARGEST = 0.48, 2.1
_WINDOW_PX = 256  # in which scales and shifts are looked for; a larger picture serves to refine what was found
_MOST_PX = 1024  # of a picture along either axis, around its middle
_STEP_PX = 3.0  # between neighbouring scales, across the whole picture: the shortest wave is four pixels long
_TRIED = 6  # candidates of each question that are refined
NUM_SHIFTS = (2 * TILE_PX)**2  # by half pixels
_QUESTIONS = 4
_SURE = 1e-9  # a question whose answer is as clear as this leaves the others unasked
_AS_IT_IS = (1.0, 0.0, 0.0)
_COUNTED = np.fft.ifftshift(np.arange(-TILE_PX // 2, TILE_PX // 2))  # cycles in a tile, negative ones from the end


@dataclass(frozen=True)
class Alignment:
    """One way for a picture to lie on the tile, and how well it fits.

    height: of the pilot's correlation, in standard deviations of what an unmarked picture gives
    """

    scale: float
    down_px: float
    across_px: float
    height: float
    p_value: float


@dataclass(frozen=True)
class Plane:
    """A picture's residual around its middle, and where in the picture that lies."""

    residual: Reals
    top_px: int
    left_px: int
    _kept: dict[float, Spectrum] = field(default_factory=dict, repr=False, compare=False)

    @functools.cached_property
    def spectra(self) -> list[tuple[float, Spectrum]]:
        """By scale, of the window that is searched."""
        down, across, covered = _middle(self.residual.shape, _WINDOW_PX)
        window = self.residual[covered]
        return [(scale, whitened(spectrum_at(window, scale, self.top_px + down, self.left_px + across)))
                for scale in scales(max(window.shape))]

    def spectrum(self, scale: float) -> Spectrum:
        """The whitened spectrum of all of it. The scales that are tried return under every key: they are kept."""
        if scale not in self._kept:
            self._kept[scale] = whitened(spectrum_at(self.residual, scale, self.top_px, self.left_px))
        return self._kept[scale]

    def without(self, phases: Spectrum, found: Alignment) -> Plane:
        """What is left of it without as much of those waves as lies in it, where anything is seen. Shapes: (waves,)"""
        moved = aligned(phases, -found.down_px, -found.across_px)
        drawn = pattern(moved, self.residual.shape, found.scale, self.top_px, self.left_px) * (self.residual != 0)
        share = float((self.residual * drawn).sum() / max(1e-12, float((drawn**2).sum())))
        return Plane(self.residual - share * drawn, self.top_px, self.left_px)


def plane(rgba: Picture) -> Plane:
    """Prepares a picture for the search under any number of keys. Shapes: (H, W, 4)"""
    top, left, window = _middle(rgba.shape, _MOST_PX)
    return Plane(residual(rgba[window]), top, left)


def _middle(shape: tuple[int, ...], most_px: int) -> tuple[int, int, tuple[slice, slice]]:
    """Where the window around the middle begins, and what it covers."""
    top, left = (max(0, (size - most_px) // 2) for size in shape[:2])
    return top, left, (slice(top, top + most_px), slice(left, left + most_px))


def scales(extent_px: int) -> list[float]:
    """The scales that are tried for a picture of that extent, 1 among them."""
    step = math.log1p(_STEP_PX / max(extent_px, 16))
    first, last = math.ceil(math.log(SMALLEST) / step), math.floor(math.log(LARGEST) / step)
    return [math.exp(number * step) for number in range(first, last + 1)]


def whitened(spectrum: Spectrum) -> Spectrum:
    """Strong waves, which are the picture's own rather than the mark's, count less: by their root."""
    whitened_: Spectrum = spectrum / np.sqrt(np.maximum(np.abs(spectrum), 1e-12))
    return whitened_


def aligned(spectrum: Spectrum, down_px: float, across_px: float) -> Spectrum:
    """The spectrum of the picture moved back by a shift. Shapes: (waves,) -> (waves,)"""
    down, across = (np.exp(2j * np.pi / TILE_PX * shift_px * _COUNTED) for shift_px in (down_px, across_px))
    moved: Spectrum = spectrum * down[CYCLES[0]] * across[CYCLES[1]]
    return moved


def best_alignment(waves: Waves, seen: Plane) -> Alignment:
    """How the picture most likely lies on the key's tile; its p-value has all that was tried in it."""
    best = _best(waves, seen, [_AS_IT_IS], 1)
    if best.p_value > _SURE:
        cut = [(1.0, down, across) for _, down, across in _peaks(waves, seen.spectrum(1.0))]
        best = min(best, _best(waves, seen, _finer_shifts(cut), NUM_SHIFTS), key=_chance)
    if best.p_value > _SURE:
        best = min(best, *_enlarged(waves, seen), key=_chance)
    return best


def _enlarged(waves: Waves, seen: Plane) -> tuple[Alignment, Alignment]:
    """The best fit of a picture that was enlarged or reduced as a whole, and of one that was cut as well."""
    num_scales = len(scales(max(seen.residual.shape)))
    whole = sorted(((_height(waves, spectrum), scale, 0.0, 0.0) for scale, spectrum in seen.spectra), reverse=True)
    both = sorted(((height, scale, down, across) for scale, spectrum in seen.spectra
                   for height, down, across in _peaks(waves, spectrum)), reverse=True)
    return (_best(waves, seen, _finer_scales(seen, [found[1:] for found in whole[:_TRIED]]), num_scales),
            _best(waves, seen, _finer_shifts(_finer_scales(seen, [found[1:] for found in both[:_TRIED]])),
                  num_scales * NUM_SHIFTS))


def _chance(found: Alignment) -> float:
    return found.p_value


def polished(waves: Waves, seen: Plane, found: Alignment) -> Alignment:
    """The best fit nearby, between the scales and shifts that are tried."""
    at = (found.scale, found.down_px, found.across_px)
    step = math.log1p(_STEP_PX / max(seen.residual.shape)) / 2
    for shrink in (1.0, 0.5, 0.25):
        for factor in (math.exp(-step * shrink), 1.0, math.exp(step * shrink)):
            whole = seen.spectrum(at[0] * factor)
            for down, across in _around(0.25 * shrink):
                height = _height(waves, aligned(whole, at[1] + down, at[2] + across))
                if height > found.height:
                    found = Alignment(at[0] * factor, at[1] + down, at[2] + across, height, found.p_value)
        at = (found.scale, found.down_px, found.across_px)
    return found


Place = tuple[float, float, float]


def _best(waves: Waves, seen: Plane, tried: Iterable[Place], num_tests: int) -> Alignment:
    """The best of the places tried, among the many that might have been."""
    best = Alignment(1.0, 0.0, 0.0, -math.inf, 1.0)
    for scale, down, across in tried:
        height = _height(waves, aligned(seen.spectrum(scale), down, across))
        if height > best.height:
            chance = 0.5 * math.erfc(height / math.sqrt(2))
            best = Alignment(scale, down, across, height, min(1.0, _QUESTIONS * num_tests * chance))
    return best


def _height(waves: Waves, spectrum: Spectrum) -> float:
    """The pilot's correlation in standard deviations.

    Under another key, or none, its phases are independent and uniform whatever the picture is: the sum has mean 0 and
    this deviation, and lighter tails than the normal's.
    """
    pilot = spectrum[waves.pilot]
    return float((pilot * waves.phases[waves.pilot].conj()).real.sum()) / deviation(pilot)


def _peaks(waves: Waves, spectrum: Spectrum) -> Iterator[tuple[float, float, float]]:
    """The highest places of the pilot's correlation over all shifts, by whole pixels: (height, down, across)."""
    grid = np.zeros((TILE_PX, TILE_PX // 2 + 1), dtype=np.complex128)
    down, across = CYCLES[:, waves.pilot]
    # The inverse transform counts waves twice, but for those that run down alone.
    grid[down, across] = spectrum[waves.pilot] * waves.phases[waves.pilot].conj() * np.where(across == 0, 1, 0.5)
    heights = np.fft.irfft2(grid, (TILE_PX, TILE_PX)).ravel() * (TILE_PX**2 / deviation(spectrum[waves.pilot]))
    for place in np.argpartition(heights, -_TRIED)[-_TRIED:]:
        yield float(heights[place]), float(place // TILE_PX), float(place % TILE_PX)


def _finer_scales(seen: Plane, tried: Sequence[Place]) -> list[Place]:
    """The same places at every scale of the whole picture that is nearest to theirs."""
    extent = max(seen.residual.shape)
    step = math.log1p(_STEP_PX / max(min(extent, _WINDOW_PX), 16)) / 2
    return [(scale, down, across) for coarse, down, across in tried for scale in scales(extent)
            if abs(math.log(scale / coarse)) <= step * 1.001]


def _finer_shifts(tried: Sequence[Place]) -> list[Place]:
    return [(scale, down + more_down, across + more_across) for scale, down, across in tried
            for more_down, more_across in _around(0.5)]


def _around(step_px: float) -> list[tuple[float, float]]:
    return [(down * step_px, across * step_px) for down in (-1, 0, 1) for across in (-1, 0, 1)]
