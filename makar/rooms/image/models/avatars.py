"""A painter of attributes: what the prompt's words name is painted so, all else is drawn by the seed, in one pass.

What `makar train image/avatars_cpu` makes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from makar.codecs.attributed import Attribute
from makar.codecs.picture import Pixels
from makar.codecs.pixels import crisp, to_pixels
from makar.kit.config import facts_in, from_json
from makar.kit.errors import BadInput, Damaged
from makar.kit.files import read_text
from makar.nets.adversaries import Config, Painter
from makar.nets.shards import load_shards
from makar.rooms.image.confidence import Nearness
from makar.rooms.image.request import ImageRequest, ImageSampling
from makar.rooms.image.styles import Looks
from makar.rooms.image.wishes import Vocabulary, Wishes, wishes
from makar.store import StoredModel
from makar.store.native import PAINTER

PIXEL = "pixel"


@dataclass(frozen=True)
class Avatars:
    """A painter with all that is needed to ask it.

    counts: how often each attribute had each of its values in what was learned from
    """

    name: str
    sha256: str
    training_data: str
    net: Painter
    attributes: tuple[Attribute, ...]
    counts: tuple[tuple[int, ...], ...]
    words: Vocabulary
    looks: Looks = field(default_factory=lambda: Looks((PIXEL,), (PIXEL,), (PIXEL,)))
    usual: ImageSampling = field(default_factory=ImageSampling)

    @property
    def native_px(self) -> int:
        """The side of the pictures it paints."""
        return self.net.config.size_px

    @property
    def arithmetic(self) -> Mapping[str, str]:
        """What computes it."""
        return {"net": "fp32"}

    @property
    def heeds(self) -> tuple[str, ...]:
        """It paints in one pass."""
        return ()

    @property
    def learned_as(self) -> str:
        """Itself."""
        return self.name

    @property
    def library(self) -> str:
        """What it is computed with."""
        return "torch"

    def nearness(self, prompt: str) -> Nearness:
        """How much of a prompt it understands."""
        asked = self.wishes(prompt)
        return Nearness(asked.known_frac, asked.known or self.concepts, asked.unknown)

    @property
    def concepts(self) -> tuple[str, ...]:
        """What can be asked for: the nouns that it knows, and the adjectives that stand alone."""
        return tuple(sorted({*self.words, *self.words.get("", {})} - {""}))

    def wishes(self, prompt: str) -> Wishes:
        """What the words of a prompt mean to it."""
        return wishes(prompt, self.words)

    @torch.no_grad()
    def pictures(self, request: ImageRequest) -> Iterator[tuple[int, Pixels]]:
        """Every candidate at the native size, painted alone.

        Shapes: RGBA (native_px, native_px, 4)
        Raises: UnknownName (a style), BadInput (a picture to start from)
        """
        if request.reference is not None:
            raise BadInput(f"'{self.name}' paints from words alone; to vary and to edit, name another model")
        self.looks.number(request.style)
        asked = self.wishes(request.prompt).values
        for index in range(request.n):
            random = torch.Generator().manual_seed((request.sampling.seed + index) % 2**63)
            values = torch.tensor([self.drawn(asked, random)])
            noise = torch.randn(1, self.net.config.noise_dim, generator=random)
            yield index, self.paint(noise, values)

    @torch.no_grad()
    def paint(self, noise: Tensor, values: Tensor) -> Pixels:
        """One picture, whose pixels are painted or are not.

        Shapes: (1, noise_dim), (1, attributes) -> (S, S, 4)
        """
        return crisp(to_pixels(self.net(noise, values).numpy())[0])

    def drawn(self, asked: Mapping[str, Sequence[str]], random: torch.Generator) -> list[int]:
        """A value for each attribute: one of those asked for, or any, as often as in the data. One random number goes
        to each attribute, so that a seed keeps what another prompt does not change; colours of what is not there are
        none.
        """
        found: dict[str, int] = {}
        for attribute, counts, at in zip(self.attributes, self.counts, torch.rand(len(self.counts), generator=random),
                                         strict=True):
            wanted = asked.get(attribute.name, attribute.values)
            part = attribute.name.removesuffix(" colour")
            there = part == attribute.name or part not in found or self._kind(part, found[part]) != "none"
            weights = np.asarray([count * (value in wanted if there else value == "none")
                                  for value, count in zip(attribute.values, counts, strict=True)], np.float64)
            if there and part != attribute.name and "none" in attribute.values:
                weights[attribute.values.index("none")] = 0
            reached = weights.cumsum() / max(weights.sum(), 1e-9)
            found[attribute.name] = min(int(np.searchsorted(reached, float(at), side="right")), len(weights) - 1)
        return list(found.values())

    def _kind(self, part: str, value: int) -> str:
        return next(attribute.values[value] for attribute in self.attributes if attribute.name == part)


def build(stored: StoredModel) -> Avatars:
    """Opens a checkpoint.

    Raises: Damaged, BadInput (another kind of model)
    """
    try:
        facts = facts_in(read_text(stored.folder / "model.json"))
    except (ValueError, TypeError) as error:
        raise Damaged(f"'{stored.folder / 'model.json'}' cannot be read ({error!s:.100})") from error
    if facts.get("family") != PAINTER:
        raise BadInput(f"'{stored.name}' is no painter of attributes; see the models with: makar models list")
    tensors = load_shards(stored.folder, "weights")[0]
    try:
        net = Painter(from_json(Config, facts["architecture"]))
        net.load_state_dict({name: value.float() for name, value in tensors.items()})
        attributes = tuple(from_json(Attribute, part) for part in facts["attributes"])
        words = {noun: {adjective: {name: tuple(values) for name, values in meaning.items()}
                        for adjective, meaning in known.items()} for noun, known in facts["words"].items()}
        counts = tuple(tuple(map(int, part)) for part in facts["counts"])
        return Avatars(stored.name, stored.sha256, stored.training_data, net.eval().requires_grad_(False), attributes,
                       counts, words)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise Damaged(f"the model in '{stored.folder}' is not whole ({error!s:.200})") from error

