"""Exemplars: which pictures a model that has seen little may look at while it draws, those of the same thing in other
looks. What it then draws is known to come from them, and how a thing looks need not be in its weights.

Source: Blattmann et al. 2022, arXiv:2204.11824 (a diffusion model that is shown its neighbours); Chen et al. 2022,
arXiv:2209.14491 (pictures of what the prompt names)
"""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from makar.codecs.picture import Pixels, resized
from makar.rooms.image.confidence import LEAST_FRAC
from makar.tracing.pictures import Told

Reals = NDArray[np.float32]


class Exemplars:
    """Pictures that were trained on, found by what they show.

    concepts: all names of what was shown, `vectors` what they are as numbers. told: of each picture; one of a concept
    that is not named is never found
    Shapes: vectors (concepts, dim)
    """

    def __init__(self, concepts: Sequence[str], vectors: Reals, told: Sequence[Told]) -> None:
        self._concepts, self._told = concepts, told
        self._ways = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
        self._places: dict[str, list[int]] = {}
        for place, one in enumerate(told):
            self._places.setdefault(one.concept, []).append(place)

    def near(self, asked: Reals, look: str | None) -> list[int]:
        """The places of the pictures of the nearest concept that is known in another look than the one asked for; none
        where it is far.

        Shapes: asked (dim,)
        """
        cosines = self._ways @ (asked / max(float(np.linalg.norm(asked)), 1e-9))
        known = np.flatnonzero(cosines >= LEAST_FRAC)
        for concept in known[np.argsort(-cosines[known], kind="stable")]:
            found = [place for place in self._places.get(self._concepts[concept], ())
                     if look not in (self._told[place].style, self._told[place].source)]
            if found:
                return found
        return []


def exemplar_of(shown: bytes, size_px: int) -> Pixels:
    """A picture as an index shows it, at the size of a net. Shapes: -> (size_px, size_px, 4)"""
    return resized(np.asarray(Image.open(io.BytesIO(shown)).convert("RGBA")), size_px)
