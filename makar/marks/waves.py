"""The waves that an image mark is made of: a plane tiled with one keyed square of 128 pixels, seen by its spectrum.

Every wave of the tile between 4 and 40 pixels long has a phase from the key. Half of the waves are the pilot, the
template that a detector finds scale and shift by; the phases of the others are turned by the bits of the payload.
"""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from makar.marks import block_code
from makar.marks.key import MarkKey

SCHEME = "makar-image/1"
TILE_PX = 128
SHORTEST_PX, LONGEST_PX = 4, 40
PAYLOAD_BITS = 2 * block_code.NUM_BITS
_MOST = TILE_PX // SHORTEST_PX  # cycles in a tile, along either axis

Reals = NDArray[np.float64]
Spectrum = NDArray[np.complex128]


def _band() -> NDArray[np.bool_]:
    """Which places of the half plane of frequencies (-32..32 down, 0..32 across) belong to waves of the mark."""
    down, across = np.meshgrid(np.arange(-_MOST, _MOST + 1), np.arange(_MOST + 1), indexing="ij")
    cycles = np.hypot(down, across)
    half = (across > 0) | (down > 0)
    found: NDArray[np.bool_] = half & (cycles >= TILE_PX / LONGEST_PX) & (cycles <= TILE_PX / SHORTEST_PX)
    return found


BAND = _band()
NUM_WAVES = int(BAND.sum())
CYCLES = np.argwhere(BAND).T - np.array([[_MOST], [0]])
"""Of each wave of the band, in a tile: down and across. Shapes: (2, waves)"""


@dataclass(frozen=True, eq=False)
class Waves:
    """What a key makes of the tile.

    pilot, halves: places in the band of the pilot's waves and of those that carry each half of the payload
    columns: of the code of each half, two for each wave, which has two axes

    Shapes: phases (waves,), pilot (p,), halves two of (h,), columns two of (h, 2)
    """

    phases: Spectrum
    pilot: NDArray[np.intp]
    halves: tuple[NDArray[np.intp], ...]
    columns: tuple[block_code.Columns, ...]

    def carrying(self, payload: int) -> Spectrum:
        """The phases of the tile that carries a payload of 32 bits. Shapes: -> (waves,)"""
        phases = self.phases.copy()
        for number, (half, columns) in enumerate(zip(self.halves, self.columns, strict=True)):
            message = payload >> block_code.NUM_BITS * number & block_code.NUM_WORDS - 1
            word = block_code.encode(columns, message)
            phases[half] *= (word[:, 0] + 1j * word[:, 1]) / np.sqrt(2)
        return phases

    def heights(self, spectrum: Spectrum, number: int) -> Reals:
        """Of every word that a half of the payload may be, how many standard deviations it stands above chance.

        Shapes: (waves,) -> (65536,)
        """
        half = self.halves[number]
        turned = spectrum[half] * self.phases[half].conj() / np.sqrt(2)
        received = np.stack((turned.real, turned.imag), axis=1).ravel()
        return block_code.decode(self.columns[number].ravel(), received) / deviation(spectrum[half])


def deviation(spectrum: Spectrum) -> float:
    """The standard deviation of the real part of the sum of `spectrum` under independent uniform phases."""
    return max(1e-12, float(np.sqrt((np.abs(spectrum)**2).sum() / 2)))


@functools.lru_cache(maxsize=64)
def waves_of(key: MarkKey) -> Waves:
    """The key's waves.

    Source: FIPS 202 (SHAKE256, which draws them from the key)
    """
    drawn = np.frombuffer(hashlib.shake_256(key.derive(SCHEME, 64)).digest(NUM_WAVES * 20), dtype="<u4")
    angles, order, columns = drawn[:NUM_WAVES], drawn[NUM_WAVES:2 * NUM_WAVES], drawn[2 * NUM_WAVES:]
    places = np.argsort(order, kind="stable")
    pilot, *halves = np.split(places, [NUM_WAVES // 2, NUM_WAVES * 3 // 4])
    # A column of nought would carry no bit.
    picked = (columns[:2 * NUM_WAVES] % (block_code.NUM_WORDS - 1) + 1).astype(np.uint16).reshape(-1, 2)
    return Waves(np.exp(2j * np.pi * angles / 2**32), pilot, tuple(halves), tuple(picked[half] for half in halves))


def pattern(phases: Spectrum, shape: tuple[int, int], scale: float = 1.0, top_px: int = 0, left_px: int = 0) -> Reals:
    """The tiled plane, enlarged by `scale`, from that place in it. Shapes: (waves,) -> shape"""
    full = np.zeros(BAND.shape, dtype=np.complex128)
    full[BAND] = phases
    down, across = _basis(shape[0], top_px, scale), _basis(shape[1], left_px, scale)[_MOST:]
    plane: Reals = (down.conj().T @ full @ across.conj()).real
    return plane


def spectrum_at(plane: Reals, scale: float, top_px: int = 0, left_px: int = 0) -> Spectrum:
    """The strength of each wave in a plane that was enlarged by `scale` after it was marked.

    top_px, left_px: where the plane lies in the picture
    Shapes: (H, W) -> (waves,)
    """
    across = _basis(plane.shape[1], left_px, scale)[_MOST:]
    # The plane is real, which spares half of the products.
    real, imaginary = np.hsplit(plane @ np.ascontiguousarray(np.vstack((across.real, across.imag)).T), 2)
    found: Spectrum = (_basis(plane.shape[0], top_px, scale) @ (real + 1j * imaginary))[BAND]
    return found


def _basis(num_px: int, first_px: int, scale: float) -> Spectrum:
    """The waves along one axis, at the middles of its pixels. Shapes: -> (65, num_px)"""
    places = (np.arange(first_px, first_px + num_px) + 0.5) * (2 * np.pi / (TILE_PX * scale))
    ones = np.ones((1, num_px), dtype=np.complex128)
    waves: Spectrum = np.cumprod(np.vstack((ones, np.tile(np.exp(-1j * places), (_MOST, 1)))), axis=0)
    return np.vstack((waves[:0:-1].conj(), waves))
