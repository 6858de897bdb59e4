"""A picture that is given, larger: by Real-ESRGAN or by whole pixels. Prompt, seed and style change nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from makar.codecs.enlarge import by_net, by_pixels
from makar.codecs.picture import Pixels, read_picture, squared
from makar.kit.errors import BadInput
from makar.rooms.image.confidence import Nearness
from makar.rooms.image.request import ImageRequest, ImageSampling, decoded
from makar.rooms.image.styles import Looks
from makar.store import StoredModel
from makar.store.pictures import ENLARGED_BY_PIXELS


@dataclass(frozen=True)
class Enlarging:
    """What enlarges, as a model: it draws nothing of its own."""

    name: str
    sha256: str
    training_data: str
    looks: Looks = field(default_factory=lambda: Looks(()))
    concepts: tuple[str, ...] = ()
    usual: ImageSampling = field(default_factory=ImageSampling)

    @property
    def heeds(self) -> tuple[str, ...]:
        """It draws nothing of its own."""
        return ()

    @property
    def learned_as(self) -> str:
        """Itself."""
        return self.name

    @property
    def library(self) -> str:
        """What it is computed with."""
        return "numpy"

    def nearness(self, prompt: str) -> Nearness:
        """It draws nothing of its own."""
        return Nearness(0.0, ())

    def pictures(self, request: ImageRequest) -> Iterator[tuple[int, Pixels]]:
        """The picture at the size that was asked for, once.

        Shapes: RGBA (size_px, size_px, 4)
        Raises: BadInput (no picture; several asked for), NotHere, NoNetwork, Damaged
        """
        if request.reference is None or request.n != 1:
            raise BadInput(f"'{self.name}' makes one larger picture of one that is given: makar image upscale IN")
        given = read_picture(decoded(request.reference.picture))
        square = squared(given, max(given.shape[:2]))
        enlarged = by_pixels if self.name == ENLARGED_BY_PIXELS else by_net
        yield 0, enlarged(square, request.size_px)


def build(stored: StoredModel) -> Enlarging:
    """The stored one as the room uses it."""
    return Enlarging(stored.name, stored.sha256, stored.training_data)
