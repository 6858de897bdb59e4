"""How well pictures are recognised by their marks: after what is done to pictures on their way, at several sizes; how
often an unmarked picture seems to carry a mark; whether the payload is read.

The data are pictures without a mark: a tar archive of them, or one. No model is asked anything.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from makar.evaluate.measure import Item, Measure, Model, Task
from makar.evaluate.picture_marks.attacks import ATTACKS
from makar.evaluate.picture_marks.figures import figures, page
from makar.evaluate.picture_marks.pictures import SIZES_PX, pictures, sized
from makar.kit.files import sha256_bytes
from makar.marks.alignment import best_alignment, plane
from makar.marks.image import THRESHOLD, Picture, detect, embed, psnr_db, written
from makar.marks.key import SECRET_BYTES, MarkKey
from makar.marks.waves import SCHEME, waves_of

NUM_MARKED = 60
"""Of the pictures: so many are marked and attacked at every size, all are looked at unmarked."""
LOOKS = 200
"""Keys that each unmarked picture is looked at with: under the null they are as good as pictures."""
LOOKED_PX = 64
KEPT_BELOW = 0.1


@dataclass(frozen=True)
class Detector:
    """What stands in a result where other measures have a model: pictures are recognised without one."""

    name: str = SCHEME
    sha256: str = sha256_bytes(SCHEME.encode())
    training_data: str = "none"
    arithmetic: Mapping[str, Any] = field(default_factory=dict)


def tasks(model: Model, path: Path) -> list[Task]:
    """Each picture at every size, then unmarked under many keys.

    Raises: NotHere, BadInput
    """
    todo = []
    for number, rgba in enumerate(pictures(path)):
        if number < NUM_MARKED:
            todo += [Task(f"marked-{number:04}-{size_px}", (rgba, size_px, number)) for size_px in SIZES_PX]
        todo.append(Task(f"unmarked-{number:04}", (rgba, LOOKED_PX, number)))
    return todo


def run(model: Model, todo: Sequence[Task]) -> Iterator[Item]:
    """For a marked picture its p-values after each attack; for an unmarked one those below a tenth."""
    for task in todo:
        rgba, size_px, number = task.content
        small = sized(rgba, size_px)
        outcome = unmarked(small, number) if task.key.startswith("unmarked-") else marked(small, number)
        yield Item(task.key, {"size_px": size_px, **outcome})


def marked(rgba: Picture, number: int) -> dict[str, Any]:
    """How the picture is found after each attack: the decimal logarithm of its p-value; and 1 where the payload was
    read, 0 where it was not, -1 where it was read wrongly."""
    key, payload = key_of(number), int.from_bytes(blake2b(bytes(4) + number.to_bytes(4, "big"), digest_size=4).digest())
    carrying, chance, found = embed(rgba, key, payload), np.random.default_rng(number), dict[str, list[float]]()
    for attack in ATTACKS:
        seen = detect(attack.on(carrying, chance), keys=[key])
        read = 0 if seen.payload is None else 1 if seen.payload == written(payload) else -1
        found[attack.name] = [round(math.log10(max(seen.p_value, 1e-300)), 3), read]
    return {"kind": "marked", "psnr_db": round(psnr_db(rgba, carrying), 3), "attacks": found,
            "alpha_kept": bool((carrying[..., 3] == rgba[..., 3]).all())}


def unmarked(rgba: Picture, number: int) -> dict[str, Any]:
    """The p-values of an unmarked picture under many keys; every second picture carries the mark of another key."""
    if number % 2:
        rgba = embed(rgba, key_of(number), number)
    seen = plane(rgba)
    p_values = [best_alignment(waves_of(key_of((number + 1) * 1_000_000 + look)), seen).p_value
                for look in range(LOOKS)]
    low = sorted(round(math.log10(max(p, 1e-300)), 3) for p in p_values if p < KEPT_BELOW)
    return {"kind": "unmarked", "num": LOOKS, "log10_p": low}


def key_of(number: int) -> MarkKey:
    """A key that is used for measuring alone."""
    return MarkKey(blake2b(f"pictures measured with key {number}".encode(), digest_size=SECRET_BYTES).digest())


MEASURE = Measure(
    name="picture-marks",
    summary="how surely pictures are recognised by their marks, and what else seems to carry them",
    settings={"scheme": SCHEME, "threshold": THRESHOLD, "sizes_px": list(SIZES_PX), "looks": LOOKS,
              "looked_px": LOOKED_PX, "attacks": [attack.name for attack in ATTACKS]},
    tasks=tasks, run=run, figures=figures, page=page,
)
