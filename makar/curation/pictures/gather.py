"""From sources to a pack: every drawing rendered once, looked at, captioned, compared with the others, and split."""

from __future__ import annotations

import json
import multiprocessing
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from makar.codecs.pack import Entry, Pack, Words, write_pack
from makar.codecs.prompts import Prompts
from makar.curation.pictures.captions import phrases
from makar.curation.pictures.drawing import PERMISSIVE, Drawing, Source
from makar.curation.pictures.near import Seen
from makar.curation.pictures.render import render
from makar.curation.pictures.words import embed
from makar.kit.errors import BadInput
from makar.kit.files import atomic_writer, sha256_bytes
from makar.kit.progress import Progress

LEAST_PAINTED_FRAC = 0.03


@dataclass(frozen=True)
class Gathering:
    """size_px: the side of the pictures; pixel art keeps its own 32. held_out_frac: of the pairs of concept and style.

    reader: who embeds the phrases; like: as those of a model that is to be trained on
    accept: licences to keep (None: any); num_workers: 0 renders in this process
    """

    size_px: int = 64
    held_out_frac: float = 0.05
    reader: str = "minilm"
    like: Prompts | None = None
    accept: tuple[str, ...] | None = PERMISSIVE
    num_workers: int = 2


@dataclass(frozen=True)
class Rendered:
    """One source's pictures on disk: facts of each, and their pixels."""

    source: Source
    facts: list[dict[str, Any]]
    pixels: NDArray[np.uint8]
    dropped: dict[str, int]


def gather(folder: Path, sources: Sequence[Source], settings: Gathering) -> Pack:
    """Makes the pack `folder/pack`. Sources that an earlier run has rendered are not rendered again.

    Raises: NotHere, NoNetwork, Damaged, BadInput (nothing could be kept), OutOfRoom
    """
    archives, work = folder / "archives", folder / f"rendered-{settings.size_px}"
    for place in (archives, work):
        place.mkdir(parents=True, exist_ok=True)
    rendered = [_rendered(source, archives, work, settings) for source in sources]
    seen, dropped, kept = Seen(), Counter[str](), list[tuple[Rendered, int]]()
    for one in rendered:
        dropped.update(one.dropped)
        for index, facts in enumerate(one.facts):
            if seen.add(one.pixels[index], facts["concept"]):
                kept.append((one, index))
            else:
                dropped["near duplicate"] += 1
    if not kept:
        raise BadInput(f"no picture could be kept ({dict(dropped)})")
    entries = _entries(kept, settings)
    told = list(dict.fromkeys(phrase for entry in entries for phrase in entry.phrases))

    def pixels(size_px: int) -> Iterator[NDArray[np.uint8]]:
        return (one.pixels[index] for one, index in kept if one.pixels.shape[1] == size_px)

    return write_pack(folder / "pack", entries, pixels, _embedded(folder, told, settings), {
        "dropped": dict(dropped), "credits": credits_of(entries),
        "packages": sorted({source.package for source in sources}),
        "licences": dict(Counter(entry.licence for entry in entries)), "reader": _reader(settings),
        "settings": {"size_px": settings.size_px, "held_out_frac": settings.held_out_frac}})


def _embedded(folder: Path, told: list[str], settings: Gathering) -> Words:
    reader = _reader(settings)
    key = sha256_bytes("\n".join((reader, *told)).encode())[:16]
    return embed(told, folder / f"states-{key}.npz", reader, settings.like)


def _reader(settings: Gathering) -> str:
    return settings.like.reader_name if settings.like else settings.reader


def credits_of(entries: Sequence[Entry]) -> list[str]:
    """The attribution list: who made how many pictures, under which licence."""
    counts = Counter((entry.credit, entry.licence, entry.source) for entry in entries)
    return [f"{credit} ({licence}; {source}): {num}" for (credit, licence, source), num in
            sorted(counts.items(), key=lambda item: (-item[1], item[0]))]


def held_out(concept: str, style: str, frac: float) -> bool:
    """Whether a pair of concept and style is kept from training: by its hash, so it is the same in every pack."""
    return int(sha256_bytes(f"{concept}\n{style}".encode())[:8], 16) < frac * 16**8


def _entries(kept: Sequence[tuple[Rendered, int]], settings: Gathering) -> list[Entry]:
    styles = defaultdict[str, set[str]](set)
    for one, index in kept:
        styles[one.facts[index]["concept"]].add(one.facts[index]["style"])
    entries = []
    for one, index in kept:
        facts = one.facts[index]
        # A concept that is known in one style only must be trained on, or it is never heard of.
        apart = len(styles[facts["concept"]]) > 1 and held_out(facts["concept"], facts["style"], settings.held_out_frac)
        entries.append(Entry(**{**facts, "phrases": tuple(facts["phrases"])}, source=one.source.name,
                             split="held_out" if apart else "train", size_px=int(one.pixels.shape[1])))
    return entries


def _rendered(source: Source, archives: Path, work: Path, settings: Gathering) -> Rendered:
    path = work / f"{source.name}.npz"
    size_px = 32 if source.pixel else settings.size_px
    if not path.exists():
        drawings, dropped = list[Drawing](), Counter[str]()
        for drawing in source.drawings(archives):
            if settings.accept is None or drawing.licence in settings.accept:
                drawings.append(drawing)
            else:
                dropped[f"licence {drawing.licence}"] += 1
        facts, pictures = list[dict[str, Any]](), list[NDArray[np.uint8]]()
        for drawing, pixels, why in _drawn(source.name, drawings, size_px, settings.num_workers):
            if pixels is None:
                dropped[why] += 1
                continue
            facts.append({"id": f"{source.name}/{drawing.name}", "concept": drawing.concept.lower(),
                          "phrases": phrases(drawing, pixels), "style": drawing.style, "licence": drawing.licence,
                          "credit": drawing.credit})
            pictures.append(pixels)
        told = json.dumps({"facts": facts, "dropped": dropped}).encode()
        stacked = np.stack(pictures) if pictures else np.zeros((0, size_px, size_px, 4), np.uint8)
        with atomic_writer(path) as file:
            np.savez(file, told=np.frombuffer(told, np.uint8), pixels=stacked)
    with np.load(path) as held:
        told = json.loads(held["told"].tobytes())
        return Rendered(source, told["facts"], held["pixels"], told["dropped"])


Drawn = tuple[Drawing, NDArray[np.uint8] | None, str]


def _drawn(name: str, drawings: Sequence[Drawing], size_px: int, num_workers: int) -> Iterator[Drawn]:
    tasks = [(drawing.content, size_px) for drawing in drawings]
    with ExitStack() as stack:
        progress = stack.enter_context(Progress(f"rendering {name}", len(tasks)))
        done: Iterator[tuple[NDArray[np.uint8] | None, str]] = map(_draw, tasks)
        if num_workers:
            done = stack.enter_context(multiprocessing.get_context("spawn").Pool(num_workers)).imap(_draw, tasks, 16)
        for drawing, (pixels, why) in zip(drawings, done, strict=True):
            progress.advance(1)
            yield drawing, pixels, why


def _draw(task: tuple[str | bytes, int]) -> tuple[NDArray[np.uint8] | None, str]:
    try:
        pixels = render(*task)
    except BadInput:
        return None, "cannot be rendered"
    if (pixels[..., 3] > 8).mean() < LEAST_PAINTED_FRAC:
        return None, "nearly empty"
    return pixels, ""
