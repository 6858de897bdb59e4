"""A model that draws, and a refiner that draws what it drew once more, at twice the size.

The refiner is what a recipe such as `image/icons_refined_cpu` makes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from makar.codecs.pixels import to_pixels, to_values
from makar.kit.config import from_json
from makar.kit.errors import BadInput, Damaged
from makar.native.refiner import Refiner
from makar.native.threads import one_thread
from makar.nets.shapes import Refining
from makar.rooms.image.confidence import Nearness
from makar.rooms.image.models import patchflow
from makar.rooms.image.models.patchflow import PatchFlow, facts_of
from makar.rooms.image.request import ImageRequest, ImageSampling
from makar.rooms.image.styles import Looks
from makar.store import StoredModel, stored
from makar.store.native import REFINER
from makar.store.shards import load_arrays, reals

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Refined:
    """Both, with the looks that the refiner was told of."""

    name: str
    sha256: str
    training_data: str
    drawer: PatchFlow
    refiner: Refiner
    told: Looks

    @property
    def native_px(self) -> int:
        """The side of the pictures it makes."""
        return 2 * self.drawer.native_px

    @property
    def looks(self) -> Looks:
        """The drawer's."""
        return self.drawer.looks

    @property
    def concepts(self) -> tuple[str, ...]:
        """What the drawer was shown."""
        return self.drawer.concepts

    @property
    def usual(self) -> ImageSampling:
        """As usual with the drawer."""
        return self.drawer.usual

    @property
    def heeds(self) -> tuple[str, ...]:
        """As the drawer."""
        return self.drawer.heeds

    @property
    def arithmetic(self) -> Mapping[str, str]:
        """What computes both."""
        return {**self.drawer.arithmetic, "refiner": "fp32"}

    @property
    def library(self) -> str:
        """What it is computed with."""
        return self.drawer.library

    @property
    def learned_as(self) -> str:
        """The drawer, which has the index of the pictures that both learned from."""
        return self.drawer.name

    def nearness(self, prompt: str) -> Nearness:
        """The drawer's concepts nearest to a prompt."""
        return self.drawer.nearness(prompt)

    def pictures(self, request: ImageRequest) -> Iterator[tuple[int, Pixels]]:
        """Every candidate. What is to be no larger than it is drawn, or to show its pixels, is left as it is drawn.

        Shapes: RGBA (native_px, native_px, 4), or half of it
        Raises: as `PatchFlow.pictures`
        """
        as_drawn = request.size_px <= self.drawer.native_px or self.looks.shows_pixels(request.style)
        for index, pixels in self.drawer.pictures(request):
            yield index, pixels if as_drawn else self.refined(pixels, request.style)

    def refined(self, pixels: Pixels, style: str | None) -> Pixels:
        """One picture at twice the size. Shapes: (S, S, 4) -> (2 S, 2 S, 4)"""
        look = self.told.number(style if style in self.told.order else None)
        with one_thread():
            larger = to_pixels(self.refiner(to_values(pixels[None])[0], look)[None])[0]
        larger[larger[..., 3] == 0] = 0
        return larger


def build(found: StoredModel) -> Refined:
    """Opens a refiner's checkpoint, and the model that it was made for.

    Raises: Damaged, BadInput (another kind of model; that model is another one now), UnknownName, NotHere
    """
    facts = facts_of(found.folder, found.name, REFINER)
    try:
        of: Mapping[str, Any] = facts["of"]
        drawer = stored(of["name"])
        if drawer.sha256 != of["sha256"]:
            raise BadInput(f"'{found.name}' refines '{of['name']}' as {of['sha256'][:16]}, and what has that name here "
                           f"is {drawer.sha256[:16]}; put that model back, or train the refiner anew")
        weights, _ = load_arrays(found.folder, "weights")
        refiner = Refiner(from_json(Refining, facts["architecture"]), {name: reals(weight) for name, weight
                                                                       in weights.items()})
        return Refined(found.name, found.sha256, found.training_data, patchflow.build(drawer), refiner,
                       Looks(tuple(facts["looks"])))
    except (KeyError, TypeError, ValueError) as error:
        raise Damaged(f"the model in '{found.folder}' is not whole ({error!s:.200})") from error
