"""How well a painter of attributes paints those of real pictures that it never learned from.

The data are the file of pictures with attributes that the model was trained on, whose last ones were held out.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from makar.codecs.attributed import Attributed, open_attributed
from makar.codecs.picture import Pixels
from makar.curation.pictures.near import MOST_DIFFERENCE, small
from makar.evaluate.measure import Figure, Item, Measure, Task
from makar.evaluate.statistics import Interval, bootstrap_ratio, wilson
from makar.kit.errors import BadInput
from makar.rooms.image.features import Features
from makar.rooms.image.measures import frechet, precision
from makar.rooms.image.models.avatars import Avatars

NUM_PICTURES = 200


@dataclass(frozen=True)
class Asked:
    """A picture that was held out, by its place. num_trained: how many came before it and were learned from"""

    data: Attributed
    place: int
    num_trained: int


def tasks(model: Any, path: Path) -> list[Task]:
    """The first pictures that were held out.

    Raises: NotHere, Damaged, BadInput (another kind of model, or other data)
    """
    data = open_attributed(path)
    if not isinstance(model, Avatars) or model.attributes != data.attributes:
        raise BadInput(f"'{model.name}' does not paint the attributes of '{path}'; name a model that was trained on it")
    num_trained = sum(model.counts[0])
    return [Task(f"{place:05}", Asked(data, place, num_trained))
            for place in range(num_trained, min(len(data), num_trained + NUM_PICTURES))]


def run(model: Any, todo: Sequence[Task]) -> Iterator[Item]:
    """Each held-out picture beside one painted with its attributes, and the training picture nearest to either."""
    data, num = todo[0].content.data, todo[0].content.num_trained
    glances = np.stack([small(pixels).ravel() for pixels in data.pixels[:num]])
    features = Features()
    for task in todo:
        place = task.content.place
        real, asked = data.pixels[place], data.values[place]
        made = painted(model, asked, seed=place)
        outcome: dict[str, Any] = {"difference": float(np.abs(small(made) - small(real)).mean())}
        for kind, pixels in (("made", made), ("real", real)):
            apart = np.abs(glances - small(pixels).ravel()).mean(1)
            nearest = int(apart.argmin())
            outcome[kind] = {"near": float(apart[nearest]), "same": int((data.values[nearest] == asked).sum()),
                             "features": base64.b64encode(features.of(pixels).tobytes()).decode()}
        yield Item(task.key, outcome | {"num": len(asked)})


@torch.no_grad()
def painted(model: Avatars, values: NDArray[np.uint8], seed: int) -> Pixels:
    """A picture with these values of its attributes."""
    noise = torch.randn(1, model.net.config.noise_dim, generator=torch.Generator().manual_seed(seed))
    return model.paint(noise, torch.from_numpy(values.astype(np.int64))[None])


def figures(items: Sequence[Item]) -> tuple[Figure, ...]:
    """Attributes and their ceiling, difference, Fréchet distance, precision and recall, near-copies."""
    rows = [item.outcome for item in items]
    made, real = (np.stack([np.frombuffer(base64.b64decode(row[kind]["features"]), np.float32) for row in rows])
                  for kind in ("made", "real"))
    half = len(rows) // 2
    near, unseen = (np.asarray([row[kind]["near"] for row in rows]) for kind in ("made", "real"))
    differences = [row["difference"] for row in rows]
    one, other = precision(real, made), precision(made, real)
    return (
        _same("attributes of the nearest training picture that are those asked for", rows, "made"),
        _same("the same, of the real picture with these attributes", rows, "real"),
        Figure("mean difference to that real picture, of 255", float(np.mean(differences)),
               bootstrap_ratio(differences, [1.0] * len(rows))),
        _plain("Fréchet distance to held-out pictures", frechet(real, made)),
        _plain("the same, of one half of these to the other", frechet(real[:half], real[half:])),
        _share("precision", one), _share("recall", other),
        _share(f"near-copies of training pictures (mean difference below {MOST_DIFFERENCE:g} of 255)",
               near < MOST_DIFFERENCE),
        _share("the same, of real pictures that were held out", unseen < MOST_DIFFERENCE))


def _same(name: str, rows: Sequence[Any], kind: str) -> Figure:
    same, num = [float(row[kind]["same"]) for row in rows], [float(row["num"]) for row in rows]
    return Figure(name, sum(same) / sum(num), bootstrap_ratio(same, num), share=True)


def _share(name: str, hits: NDArray[np.bool_]) -> Figure:
    return Figure(name, float(hits.mean()), wilson(int(hits.sum()), len(hits)), share=True)


def _plain(name: str, value: float) -> Figure:
    return Figure(name, value, Interval(value, value, "none"))


MEASURE = Measure(
    name="avatars", summary="attributes of real avatars that were held out, painted again",
    settings={"pictures": NUM_PICTURES, "features": "open_nsfw, before its last layer, of pictures at 32 px on white"},
    tasks=tasks, run=run, figures=figures, room="image")
