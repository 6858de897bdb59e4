"""An index of pictures: of any other picture, which one is nearest, and under which licence it stands.

A picture is compared as it is seen on white, cut out and set to one size, by its 256 coarsest waves and by 16 colours,
as it is and as in a mirror: moved, scaled, compressed or mirrored copies stay near. Turned ones do not.
"""

from __future__ import annotations

import io
import json
import lzma
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from safetensors import SafetensorError
from safetensors.numpy import load, save

from makar.codecs.picture import Pixels, on_ground, resized, squared
from makar.codecs.waves import NUM_BITS, waves
from makar.kit.errors import Damaged, NotHere
from makar.kit.files import atomic_write, sha256_bytes

NEIGHBOURS = "neighbours.safetensors"
"""The index of the pictures that a model learned from, in its folder."""
FORM = 1
NEAR_BITS, NEAR_COLOUR = 32, 8.0
"""Within both two pictures are near-copies: waves of 256 that differ, and the mean difference of colours, of 255.

Of 860 drawings that were not among the 13,300 indexed, 2.3% had a near-copy there (5.1% with avatars composed of few
parts); of copies, all that were moved are found, 79% of those made 6% smaller, 74% of those with noise, 62% of strongly
compressed JPEGs, half of those made darker, and hardly any that were recoloured. Of mirrored ones 500 of 500 are
found; for that 28 instead of 24 of 487 drawings that were not among 12,032 indexed had a near-copy there.
"""

_SIDE_PX, _PLACES, _SHOWN_PX = 64, 4, 32
_WHITE = 216  # what a glance takes for paper, and what compression strews around a drawing
_FIELDS = ("id", "source", "licence", "credit")


@dataclass(frozen=True)
class Told:
    """What is known of one indexed picture."""

    id: str
    source: str
    licence: str
    credit: str = ""


@dataclass(frozen=True)
class Neighbour:
    """An indexed picture and how far it is: waves that differ, and the mean difference of colours; mirrored: of the
    picture as in a mirror.
    """

    place: int
    told: Told
    num_bits: int
    colour: float
    mirrored: bool = False

    @property
    def is_copy(self) -> bool:
        """Whether the two would be taken for the same picture."""
        return self.num_bits <= NEAR_BITS and self.colour <= NEAR_COLOUR


@dataclass(frozen=True)
class Glimpse:
    """What is compared. Shapes: bits (32,) of uint8, colours (48,) of uint8"""

    bits: NDArray[np.uint8]
    colours: NDArray[np.uint8]


def glimpse(pixels: Pixels) -> Glimpse | None:
    """What is compared of a picture; None where there is nothing to see. Shapes: (H, W, 4)"""
    seen = on_ground(pixels, (255, 255, 255))
    drawn = (seen[..., :3] < _WHITE).any(-1)
    if not drawn.any():
        return None
    least = 1 + len(pixels) // _SIDE_PX  # of drawn pixels in a row or column, so that a speck moves no border
    rows, columns = (np.flatnonzero(drawn.sum(axis) > min(least, drawn.sum(axis).max() - 1)) for axis in (1, 0))
    cut = pixels[rows[0]:rows[-1] + 1, columns[0]:columns[-1] + 1]
    side = max(cut.shape[:2])
    even = resized(squared(cut, side), _SIDE_PX)
    bits = waves(Image.fromarray(even))
    if bits is None:
        return None
    places = on_ground(even, (255, 255, 255))[..., :3].reshape(_PLACES, _SIDE_PX // _PLACES, _PLACES, -1, 3)
    return Glimpse(np.frombuffer(bits, np.uint8), places.mean((1, 3)).round().astype(np.uint8).ravel())


class PictureIndex:
    """Glimpses of many pictures with what is told of each, searched whole: 36,000 take a millisecond or two."""

    def __init__(self, tensors: dict[str, Any], root: str) -> None:
        self.root = root
        self._words = np.ascontiguousarray(tensors["bits"]).view(np.uint64)  # (N, 4)
        self._colours: NDArray[np.uint8] = tensors["colours"]  # (N, 48)
        self._packed: bytes = tensors["told"].tobytes()
        self._shown, self._ends = tensors.get("shown"), tensors.get("ends")

    def __len__(self) -> int:
        return len(self._words)

    @cached_property
    def told(self) -> tuple[Told, ...]:
        """What is known of each picture, in order."""
        return tuple(Told(*row) for row in self._rows)

    @cached_property
    def _rows(self) -> list[list[str]]:
        rows: list[list[str]] = json.loads(lzma.decompress(self._packed))
        return rows

    def fits(self) -> bool:
        """Whether as much is told as there is to look at."""
        return len(self) == len(self._rows) and {len(row) for row in self._rows} <= {len(_FIELDS)}

    def shown(self, place: int) -> bytes | None:
        """A small WebP of one picture, to be looked at; None where the index has none."""
        if self._shown is None or self._ends is None:
            return None
        start = int(self._ends[place - 1]) if place else 0
        data: bytes = self._shown[start:int(self._ends[place])].tobytes()
        return data

    def nearest(self, pixels: Pixels, num: int = 1) -> list[Neighbour]:
        """The nearest pictures, the nearest first; none where there is nothing to see. Shapes: (H, W, 4)"""
        ways = [found for found in (glimpse(pixels), glimpse(pixels[:, ::-1])) if found is not None]
        if not ways or not len(self):
            return []
        bits = np.stack([np.bitwise_count(self._words ^ way.bits.view(np.uint64)).sum(1, dtype=np.int64)
                         for way in ways])  # (2, N)
        colour = np.stack([np.abs(self._colours.astype(np.int16) - way.colours).mean(1) for way in ways])
        # One measure out of two: how far each is towards its limit.
        far = np.maximum(bits / NEAR_BITS, colour / NEAR_COLOUR)
        which = far.argmin(0)
        return [Neighbour(int(at), Told(*self._rows[at]), int(bits[which[at], at]), float(colour[which[at], at]),
                          bool(which[at])) for at in np.argsort(far.min(0), kind="stable")[:num]]


def build(pictures: Iterable[tuple[Told, Pixels]]) -> bytes:
    """The file of an index; pictures with nothing to see on them are left out. Shapes: each picture (H, W, 4)"""
    rows, found, shown = list[Told](), list[Glimpse](), list[bytes]()
    for told, pixels in pictures:
        seen = glimpse(pixels)
        if seen is not None:
            rows.append(told)
            found.append(seen)
            shown.append(_small(pixels))
    written = json.dumps([[getattr(row, name) for name in _FIELDS] for row in rows], ensure_ascii=False).encode()
    return save({"bits": np.array([one.bits for one in found], np.uint8).reshape(-1, NUM_BITS // 8),
                 "colours": np.array([one.colours for one in found], np.uint8).reshape(-1, 3 * _PLACES**2),
                 "shown": np.frombuffer(b"".join(shown), np.uint8),
                 "ends": np.cumsum([len(one) for one in shown], dtype=np.int64),
                 "told": np.frombuffer(lzma.compress(written), np.uint8)}, {"form": str(FORM)})


def _small(pixels: Pixels) -> bytes:
    out = io.BytesIO()
    image = Image.fromarray(resized(squared(pixels, max(pixels.shape[:2])), _SHOWN_PX))
    image.save(out, "WEBP", quality=35, method=4)
    return out.getvalue()


def write_index(path: Path, pictures: Iterable[tuple[Told, Pixels]]) -> PictureIndex:
    """Writes an index and opens it.

    Raises: OutOfRoom
    """
    atomic_write(path, build(pictures))
    return open_pictures(path)


def open_pictures(path: Path) -> PictureIndex:
    """The index in a file.

    Raises: NotHere, Damaged
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise NotHere(f"there is no index of pictures at '{path}' ({error.strerror})") from error
    try:
        tensors = load(data)
        index = PictureIndex(tensors, sha256_bytes(data))
        if not index.fits():
            raise ValueError("its parts are of different lengths")
    except (SafetensorError, ValueError, KeyError, TypeError, lzma.LZMAError) as error:
        raise Damaged(f"'{path}' is no index of pictures ({error!s:.100}); make it anew") from error
    return index
