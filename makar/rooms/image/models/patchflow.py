"""A net that is walked from noise to a picture: what `makar train image/...` makes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from makar.codecs.pixels import crisp, to_pixels, to_values
from makar.codecs.prompts import Prompts, reader
from makar.kit.config import facts_in, from_json
from makar.kit.errors import BadInput, Damaged
from makar.kit.files import read_text
from makar.native.pictures import Asked, PictureNet, picture_net
from makar.native.threads import one_thread
from makar.nets.shapes import PictureShape, shape_of
from makar.rooms.image.confidence import NUM_NEAREST, Nearness
from makar.rooms.image.drawing import Given, Reals, denoiser, draw
from makar.rooms.image.given import opened
from makar.rooms.image.prompts import condition
from makar.rooms.image.request import ImageRequest, ImageSampling, Reference
from makar.rooms.image.styles import Looks
from makar.rooms.image.tries import best_of, starts_of
from makar.store import StoredModel
from makar.store.native import PICTURES
from makar.store.shards import Quantised, load_arrays, reals

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class PatchFlow:
    """A net with all that is needed to ask it.

    looks: its styles and the sources of its data. concepts: what it was shown, `vectors` what they are as numbers
    usual: how it draws where nothing else is asked for. arithmetic: what computes it
    Shapes: vectors (concepts, dim)
    """

    name: str
    sha256: str
    training_data: str
    shape: PictureShape
    net: PictureNet
    prompts: Prompts
    looks: Looks
    concepts: tuple[str, ...] = ()
    vectors: NDArray[np.float32] | None = None
    usual: ImageSampling = field(default_factory=ImageSampling)
    arithmetic: Mapping[str, str] = field(default_factory=lambda: {"net": "fp32"})

    @property
    def native_px(self) -> int:
        """The side of the pictures it draws."""
        return self.shape.size_px

    @property
    def heeds(self) -> tuple[str, ...]:
        """It walks from noise, and may begin several times."""
        return ("steps", "guidance", "solver", "times", "tries")

    @property
    def learned_as(self) -> str:
        """Itself."""
        return self.name

    @property
    def library(self) -> str:
        """What it is computed with."""
        return "numpy"

    def nearness(self, prompt: str) -> Nearness:
        """The concepts nearest to a prompt; none where it is not known what it was shown.

        Raises: BadInput (an empty prompt), NotHere, NoNetwork, Damaged
        """
        if self.vectors is None:
            return Nearness(0.0, ())
        asked = self.prompts.words(prompt).mean(0)
        lengths = np.linalg.norm(self.vectors, axis=1) * np.linalg.norm(asked)
        cosines = self.vectors @ asked / np.maximum(lengths, 1e-9)
        first = np.argsort(-cosines, kind="stable")[:NUM_NEAREST]
        return Nearness(max(0.0, float(cosines[first[0]])), tuple(self.concepts[index] for index in first))

    def pictures(self, request: ImageRequest) -> Iterator[tuple[int, Pixels]]:
        """Every candidate at the native size, as it is drawn.

        Shapes: RGBA (native_px, native_px, 4)
        Raises: UnknownName (a style), BadInput (a prompt or a picture that cannot be read), NotHere, NoNetwork, Damaged
        """
        asked = condition(self.prompts, request.prompt, self.looks.number(request.style), self.shape.context_tok)
        given = None if request.reference is None else given_of(request.reference, self.shape.size_px)
        for index in range(request.n):
            with one_thread():
                values = self._drawn(asked, request.sampling, request.sampling.seed + index, given)
            yield index, self._finished(to_pixels(values)[0], request.style)

    def _drawn(self, asked: Asked, sampling: ImageSampling, seed: int, given: Given | None) -> Reals:
        s, times, solver = self.shape, sampling.grid, sampling.solver
        shape = (1, s.channels, s.size_px, s.size_px)
        z = self.net.begin(starts_of(seed, sampling.tries if given is None else 1, shape))
        if len(z) > 1:
            z, times = best_of(self.net, asked, sampling.guidance, z, times, solver)
        return draw(z, denoiser(self.net, asked, sampling.guidance), times, solver, given)

    def _finished(self, pixels: Pixels, style: str | None) -> Pixels:
        if style in self.looks.pixel:  # a tile's pixels are painted or they are not
            return crisp(pixels)
        pixels[pixels[..., 3] == 0] = 0
        return pixels


def given_of(reference: Reference, size_px: int) -> Given:
    """The picture to start from, at the size of the net.

    Raises: BadInput (no picture, or a mask of another size)
    """
    start = opened(reference, size_px)
    free = None if start.free is None else start.free.astype(np.float32)[None, None]
    return Given(to_values(start.pixels[None]), reference.strength_frac, free)


def build(stored: StoredModel) -> PatchFlow:
    """Opens a checkpoint.

    Raises: Damaged, BadInput (no model of pictures)
    """
    facts = facts_of(stored.folder, stored.name)
    try:
        reader(facts["reader"])  # opens while the weights are read
        weights, told = load_arrays(stored.folder, "weights")
        words = {name: reals(weights[f"words.{name}"]) for name in ("basis", "mean", "scale")}
        shape = shape_of(facts["architecture"])
        looks = Looks(tuple(told["looks"]), tuple(facts["styles"]), tuple(facts["pixel_looks"]))
        # Models of earlier versions list no times.
        usual = {key: value for key, value in facts.get("usual", {}).items() if value != []}
        vectors = reals(weights["concepts"]) if "concepts" in weights else None
        arithmetic = "int8" if any(isinstance(weight, Quantised) for weight in weights.values()) else "fp32"
        return PatchFlow(stored.name, stored.sha256, stored.training_data, shape, picture_net(shape, weights),
                         Prompts(facts["reader"], **words), looks, tuple(facts.get("concepts", ())), vectors,
                         from_json(ImageSampling, usual), {"net": arithmetic})
    except (KeyError, TypeError, ValueError) as error:
        raise Damaged(f"the model in '{stored.folder}' is not whole ({error!s:.200})") from error


def facts_of(folder: Path, name: str, family: str = PICTURES) -> Mapping[str, Any]:
    """What a checkpoint says of itself.

    Raises: BadInput (a model of another family), Damaged
    """
    try:
        facts = facts_in(read_text(folder / "model.json"))
    except (ValueError, TypeError) as error:
        raise Damaged(f"'{folder / 'model.json'}' cannot be read ({error!s:.100})") from error
    if facts.get("family") != family:
        raise BadInput(f"'{name}' is no model of pictures of that kind; see them with: makar models list")
    return facts
