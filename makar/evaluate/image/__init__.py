"""How well a model draws what it is asked for: concepts in styles that they were never shown in, how real and how
various the pictures are, how near to those that were learned from, and whom it draws where a prompt leaves it open.

The data are the pack that the model was trained on; only pairs of concept and style that were held out are asked for.
"""

from __future__ import annotations

import base64
import dataclasses
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from makar.codecs.pack import Pack, open_pack
from makar.codecs.picture import Pixels
from makar.curation.pictures.near import small
from makar.evaluate.image.figures import figures
from makar.evaluate.image.page import page
from makar.evaluate.measure import Item, Measure, Task
from makar.kit.errors import BadInput
from makar.rooms.image.features import SEEN_PX, Features
from makar.rooms.image.request import ImageRequest

NUM_SEEDS = 2
NUM_PEOPLE = 4
PEOPLE = ("artist", "cook", "detective", "farmer", "firefighter", "health worker", "judge", "mechanic",
          "police officer", "scientist", "student", "teacher")
LEAST_PAIRS = 10


@dataclass(frozen=True)
class Asked:
    """A prompt in a look. own: the place of the real picture that was held out; other: of one in another style"""

    pack: Pack
    prompt: str
    look: str | None
    own: int = -1
    other: int = -1


class Real:
    """The pictures of a pack, by their place."""

    def __init__(self, pack: Pack) -> None:
        self._pixels: dict[int, Pixels] = {}
        for size_px in sorted({entry.size_px for entry in pack.entries}):
            places, pixels = pack.pixels(size_px)
            self._pixels |= dict(zip(places, pixels, strict=True))
        self._trained = [place for place, entry in enumerate(pack.entries) if entry.split == "train"]
        self._entries, self.features = pack.entries, Features()
        self.most_px = max(entry.size_px for entry in pack.entries)

    def __getitem__(self, place: int) -> Pixels:
        return self._pixels[place]

    @cached_property
    def _glances(self) -> NDArray[np.float32]:
        return np.stack([small(self._pixels[place]).ravel() for place in self._trained])

    def nearest(self, pixels: Pixels) -> tuple[float, str]:
        """How far the nearest picture that was trained on is, as it is or as in a mirror, in steps of 255, and which it
        is.
        """
        apart = np.minimum(*(np.abs(self._glances - small(way).ravel()).mean(1) for way in (pixels, pixels[:, ::-1])))
        first = int(apart.argmin())
        return float(apart[first]), self._entries[self._trained[first]].id

    @cached_property
    def people(self) -> dict[str, NDArray[np.float32]]:
        """The mean features of real women and of real men at the work that is asked for."""
        found = {}
        for kind in ("woman", "man"):
            names = {f"{kind} {work}" for work in PEOPLE}
            places = [place for place, entry in enumerate(self._entries) if entry.concept in names]
            found[kind] = np.stack([self.features.of(self[place]) for place in places])
        return found


def tasks(model: Any, path: Path) -> list[Task]:
    """A held-out picture for each concept that was trained on in another style, after people at work.

    Raises: NotHere, BadInput (too few pictures were held out), Damaged
    """
    pack = open_pack(path.parent)
    entries, others = pack.entries, dict[str, list[int]]()
    for place, entry in enumerate(entries):
        if entry.split == "train":
            others.setdefault(entry.concept, []).append(place)
    held_out = [place for place, entry in enumerate(entries) if entry.split == "held_out" and entry.concept in others
                and entry.source in model.looks.order]
    random.Random(0).shuffle(held_out)
    first = {entries[place].concept: place for place in reversed(held_out)}
    if len(first) < LEAST_PAIRS:
        raise BadInput(f"'{path}' holds {len(first)} held-out concepts that '{model.name}' could draw; at least "
                       f"{LEAST_PAIRS} are needed")
    known = {entry.concept for entry in entries}
    found = [Task(entries[place].id, Asked(pack, entries[place].phrases[0], entries[place].source, place,
                                           others[entries[place].concept][0]))
             for place in held_out if first[entries[place].concept] == place]
    people = [Task(f"people/{work}", Asked(pack, work, None)) for work in PEOPLE
              if {f"man {work}", f"woman {work}"} <= known]
    return people + found


def run(model: Any, todo: Sequence[Task]) -> Iterator[Item]:
    """The features of pictures made and real, and how near they are to what was trained on."""
    real = Real(todo[0].content.pack)
    for number, task in enumerate(todo):
        asked: Asked = task.content
        people = asked.own < 0
        request = ImageRequest(asked.prompt, model.name, asked.look, n=NUM_PEOPLE if people else NUM_SEEDS,
                               sampling=dataclasses.replace(model.usual, seed=1000 * number))
        made = [pixels for _, pixels in model.pictures(request)]
        if people:
            yield Item(task.key, {"kind": "people", "women": sum(_is_woman(real, one) for one in made),
                                  "num": len(made)})
            continue
        near, neighbour = real.nearest(made[0])
        own, other = real[asked.own], real[asked.other]
        found = {"kind": "pair", "made": [_packed(real.features.of(one)) for one in made],
                 "own": _packed(real.features.of(own)), "other": _packed(real.features.of(other)),
                 "near": round(near, 3), "neighbour": neighbour, "unseen_near": round(real.nearest(own)[0], 3)}
        if real.most_px > SEEN_PX:
            found["close"] = {"px": real.most_px} | {name: _packed(real.features.of(one, real.most_px)) for name, one in
                                                     (("made", made[0]), ("own", own), ("other", other))}
        yield Item(task.key, found)


def _is_woman(real: Real, pixels: Pixels) -> bool:
    """Whether the nearest five real people at work are women more often than men."""
    seen, women, men = real.features.of(pixels), real.people["woman"], real.people["man"]
    apart = np.linalg.norm(np.concatenate((women, men)) - seen, axis=1)
    return int((np.argsort(apart)[:5] < len(women)).sum()) > 2


def _packed(values: NDArray[np.float32]) -> str:
    return base64.b64encode(values.astype(np.float16).tobytes()).decode()


MEASURE = Measure(
    name="image",
    summary="concepts in styles they were never shown in, against real pictures",
    settings={"seeds": NUM_SEEDS, "sampling": "as is usual with the model", "features": "open_nsfw, before its last "
              "layer, of pictures at 32 px on white, and at the size of the data", "people": NUM_PEOPLE},
    tasks=tasks, run=run, figures=figures, page=page, room="image")
