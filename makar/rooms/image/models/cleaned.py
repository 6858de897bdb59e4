"""A model that draws, and an autoencoder that makes what it drew cleaner, and several times as large.

The autoencoder is what a recipe such as `image/icons_clean_cpu` makes.
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
from makar.native.autoencoder import Autoencoder
from makar.native.threads import one_thread
from makar.nets.shapes import Autoencoded
from makar.rooms.image.confidence import Nearness
from makar.rooms.image.given import opened
from makar.rooms.image.models import patchflow
from makar.rooms.image.models.patchflow import PatchFlow, facts_of
from makar.rooms.image.request import ImageRequest, ImageSampling
from makar.rooms.image.styles import Looks
from makar.store import StoredModel, stored
from makar.store.native import AUTOENCODER
from makar.store.shards import load_arrays, reals

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Cleaned:
    """Both."""

    name: str
    sha256: str
    training_data: str
    drawer: PatchFlow
    autoencoder: Autoencoder

    @property
    def native_px(self) -> int:
        """The side of the pictures it makes."""
        return self.autoencoder.shape.made_px

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
        return {**self.drawer.arithmetic, "autoencoder": "fp32"}

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
        """Every candidate. What is to show its pixels is left as it was drawn; what a mask keeps of a given picture
        stays as it was given.

        Shapes: RGBA (native_px, native_px, 4), or (the drawer's) where pixels are to be seen
        Raises: as `PatchFlow.pictures`
        """
        given = None if request.reference is None else opened(request.reference, self.native_px)
        for index, drawn in self.drawer.pictures(request):
            if self.looks.shows_pixels(request.style):
                yield index, drawn
                continue
            made = self.cleaned(drawn)
            if given is not None and given.free is not None:
                made[~given.free] = given.pixels[~given.free]
            yield index, made

    def cleaned(self, pixels: Pixels) -> Pixels:
        """One picture. Shapes: (S, S, 4) -> (native_px, native_px, 4)"""
        with one_thread():
            larger = to_pixels(self.autoencoder(to_values(pixels[None])[0])[None])[0]
        larger[larger[..., 3] == 0] = 0
        return larger


def build(found: StoredModel) -> Cleaned:
    """Opens an autoencoder's checkpoint, and the model that it was made for.

    Raises: Damaged, BadInput (another kind of model; that model is another one now), UnknownName, NotHere
    """
    facts = facts_of(found.folder, found.name, AUTOENCODER)
    try:
        of: Mapping[str, Any] = facts["of"]
        drawer = stored(of["name"])
        if drawer.sha256 != of["sha256"]:
            raise BadInput(f"'{found.name}' cleans what '{of['name']}' draws as {of['sha256'][:16]}, and what has that "
                           f"name here is {drawer.sha256[:16]}; put that model back, or train the autoencoder anew")
        weights, _ = load_arrays(found.folder, "weights")
        autoencoder = Autoencoder(from_json(Autoencoded, facts["architecture"]), {name: reals(weight) for name, weight
                                                                                  in weights.items()})
        return Cleaned(found.name, found.sha256, found.training_data, patchflow.build(drawer), autoencoder)
    except (KeyError, TypeError, ValueError) as error:
        raise Damaged(f"the model in '{found.folder}' is not whole ({error!s:.200})") from error
