"""What a model makes of pictures that are known: the words of each, drawn from noise alone and from the picture under
noise, beside which the real one stands to be learned from.

A folder of shards, each with `pixels` (N, S, S, 4), `places` (N,) in the pack and `starts` (N,): how far on its way
from noise to picture the real one was left, 0 being noise alone. What is there is not drawn again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from makar.codecs.pack import Pack
from makar.codecs.pixels import resized, to_pixels, to_values
from makar.kit.errors import Damaged
from makar.kit.files import atomic_write, sha256_bytes
from makar.kit.progress import Progress
from makar.methods.flow import mixed
from makar.native.pictures import Asked
from makar.native.threads import one_thread
from makar.rooms.image.drawing import denoiser, draw, noise
from makar.rooms.image.models.patchflow import PatchFlow, build
from makar.store import stored

SHARD = 512
STARTS = (0.1, 0.7)
"""Between these the real picture is left: before them little of it can be seen, beyond them little is drawn."""
SOURCE_FRAC = 0.7
"""How often the look asked for is the source of the picture rather than the style of it."""


@dataclass(frozen=True)
class Drawn:
    """root: the hash of what was drawn, all shards. Shapes: as above"""

    pixels: NDArray[np.uint8]
    places: NDArray[np.int32]
    starts: NDArray[np.float32]
    root: str


@dataclass(frozen=True)
class Task:
    """One picture to draw. number: in the order of all; start: 0 for noise alone"""

    number: int
    place: int
    start: float
    look: str


def drawn(folder: Path, pack: Pack, name: str, num_workers: int = 1) -> Drawn:
    """Every picture of the pack that is larger than those the model draws, drawn twice. Says how far it is.

    Raises: UnknownName, Damaged, OutOfRoom
    """
    model = build(stored(name))
    every = list(tasks_of(pack, model))
    tasks = [every[at:at + SHARD] for at in range(0, len(every), SHARD)]
    paths = [folder / f"{model.sha256[:8]}-{pack.root[:8]}-{number:05}.safetensors" for number in range(len(tasks))]
    missing = [number for number, path in enumerate(paths) if not path.is_file()]
    models = [model, *(build(stored(name)) for _ in range(num_workers - 1))]

    def work(worker: int) -> None:
        for number in missing[worker::num_workers]:
            atomic_write(paths[number], save(_shard(pack, models[worker], tasks[number], progress)))

    with one_thread(), Progress("drawing", sum(len(tasks[number]) for number in missing), "pictures") as progress, \
            ThreadPoolExecutor(num_workers) as pool:
        list(pool.map(work, range(num_workers)))
    return _opened(paths)


def _opened(paths: Sequence[Path]) -> Drawn:
    hashes, parts = [], []
    for path in paths:
        data = path.read_bytes()
        hashes.append(sha256_bytes(data))
        try:
            shard = load(data)
            parts.append((shard["pixels"], shard["places"], shard["starts"]))
        except (SafetensorError, KeyError) as error:
            raise Damaged(f"'{path}' cannot be read ({error!s:.100}); delete it, and it is drawn again") from error
    pixels, places, starts = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Drawn(pixels, places, starts, sha256_bytes("".join(hashes).encode()))


def tasks_of(pack: Pack, model: PatchFlow) -> Iterator[Task]:
    """By chance that is the same every time, in an order in which any part is much like the whole."""
    random = np.random.default_rng(0)
    known = [place for place, entry in enumerate(pack.entries) if entry.size_px > model.native_px]
    for number, at in enumerate(random.permutation(2 * len(known))):
        place = known[at % len(known)]
        start = float(random.uniform(*STARTS)) * bool(at < len(known))
        entry = pack.entries[place]
        yield Task(number, place, start, entry.source if random.random() < SOURCE_FRAC else entry.style)


def _shard(pack: Pack, model: PatchFlow, tasks: Sequence[Task],
           progress: Progress) -> dict[str, NDArray[np.generic]]:
    real = {place: pixels for size in {pack.entries[task.place].size_px for task in tasks}
            for place, pixels in zip(*pack.pixels(size), strict=True)}
    pixels = []
    for task in tasks:
        pixels.append(drawing_of(pack, model, task, real[task.place]))
        progress.advance(1)
    # Safetensors writes the bytes as they lie, whatever the order of the axes is.
    return {"pixels": np.ascontiguousarray(np.stack(pixels)),
            "places": np.asarray([task.place for task in tasks], np.int32),
            "starts": np.asarray([task.start for task in tasks], np.float32)}


def drawing_of(pack: Pack, model: PatchFlow, task: Task, real: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """One picture. Shapes: real (R, R, 4) -> (S, S, 4)"""
    words = pack.words
    found = words.of(words.phrases.index(pack.entries[task.place].phrases[0]))[:model.shape.context_tok]
    told, present = np.zeros((1, model.shape.context_tok, found.shape[1]), np.float32), np.zeros(
        (1, model.shape.context_tok), np.bool_)
    told[0, :len(found)], present[0, :len(found)] = found, True
    asked = Asked(told, present, np.array([model.looks.number(task.look)]))
    clean = to_values(resized(real[None], model.native_px))
    z, usual = noise((task.number, 0), clean.shape), model.usual
    times = [task.start, *(time for time in usual.grid if time > task.start)]
    return to_pixels(draw(mixed(clean, z, task.start), denoiser(model.net, asked, usual.guidance), times,
                          usual.solver))[0]
