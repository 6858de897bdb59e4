"""Known pictures as the model would have drawn them: each is put under noise and drawn from there on. Its outline
stays, and what the model spoils on its way is there to be learned from.

Source: Meng et al. 2021, arXiv:2108.01073, section 3 (a picture under noise, drawn to its end)
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from makar.codecs.pack import Entry
from makar.codecs.pixels import resized, to_pixels, to_values
from makar.kit.errors import Damaged
from makar.kit.files import atomic_write
from makar.kit.progress import Progress
from makar.methods.flow import SAMPLERS, mixed
from makar.native.threads import one_thread
from makar.rooms.image.drawing import denoiser, noise
from makar.rooms.image.models.patchflow import PatchFlow
from makar.rooms.image.prompts import condition

Pixels = NDArray[np.uint8]
TIMES = (0.4, 0.9)
"""Between which times they are drawn from; earlier ones leave too little of the picture to learn from."""
_PIECE = 256
_LEAST_STEP = 0.03


@dataclass(frozen=True)
class Known:
    """Pictures of a split, and what they show. Shapes: pixels (N, M, M, 4)"""

    entries: Sequence[Entry]
    pixels: Pixels


def drawings(folder: Path, name: str, model: PatchFlow, known: Known, num: int, workers: int) -> Pixels:
    """`num` drawings of each picture, at times and under noise that depend on its place alone. They are kept in the
    folder in pieces, so that work that was stopped goes on.

    Shapes: -> (N, num, S, S, 4)
    Raises: Damaged, OutOfRoom, what reads the model's prompts raises
    """
    folder.mkdir(parents=True, exist_ok=True)
    pieces = []
    with Progress(f"drawing {name}", len(known.entries), "pictures") as progress, ThreadPoolExecutor(workers) as pool:
        for first in range(0, len(known.entries), _PIECE):
            path = folder / f"{name}-{first:06}.npy"
            places = range(first, min(first + _PIECE, len(known.entries)))
            if not path.exists():
                rows = []
                for row in pool.map(lambda place: _drawn(model, known, place, num), places):
                    rows.append(row)
                    progress.advance(1)
                data = io.BytesIO()
                np.save(data, np.stack(rows), allow_pickle=False)
                atomic_write(path, data.getvalue())
            else:
                progress.advance(len(places))
            pieces.append(_read(path, (len(places), num, model.native_px, model.native_px, 4)))
    return np.concatenate(pieces)


def _read(path: Path, shape: tuple[int, ...]) -> Pixels:
    try:
        found: Pixels = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise Damaged(f"'{path}' cannot be read ({error!s:.100}); remove it, and it is drawn again") from error
    if found.shape != shape or found.dtype != np.uint8:
        raise Damaged(f"'{path}' holds other drawings ({found.shape}, expected {shape}); remove it, and they are drawn "
                      "again")
    return found


def _drawn(model: PatchFlow, known: Known, place: int, num: int) -> Pixels:
    """Shapes: -> (num, S, S, 4)"""
    entry, shape = known.entries[place], model.shape
    clean = to_values(resized(known.pixels[place:place + 1], shape.size_px))
    look = model.looks.number(next((look for look in (entry.source, entry.style) if look in model.looks.order), None))
    denoise = denoiser(model.net, condition(model.prompts, entry.phrases[0], look, shape.context_tok),
                       model.usual.guidance)
    drawn = []
    with one_thread():
        for number, time in enumerate(_times(place, num)):
            z = mixed(clean, noise((place, number), clean.shape), time)
            values = SAMPLERS[model.usual.solver](denoise, z, [time, *_later(model.usual.grid, time)])
            drawn.append(to_pixels(np.asarray(values))[0])
    return np.stack(drawn)


def _times(place: int, num: int) -> list[float]:
    found: list[float] = np.random.default_rng(place).uniform(*TIMES, num).tolist()
    return found


def _later(grid: Sequence[float], time: float) -> Iterator[float]:
    return (later for later in grid if later > min(time + _LEAST_STEP, 1 - 1e-6))
