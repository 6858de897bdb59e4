"""Refining: a small picture that a model has drawn in, the same at twice the size out, which a critic takes for a real
one of that look. Where the model began with a real picture under noise, it is also known what should come out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from makar.codecs.pack import Pack
from makar.codecs.picture import Pixels
from makar.codecs.pixels import resized, to_pixels
from makar.kit.config import to_json
from makar.kit.errors import BadInput
from makar.kit.files import sha256_bytes
from makar.nets.refiner import Refiner, initialised
from makar.nets.shapes import Refining
from makar.nets.shards import quantised
from makar.rooms.image.models.patchflow import build
from makar.store import stored
from makar.store.native import REFINER
from makar.tracing.pictures import Told
from makar.train.contest.config import Config
from makar.train.contest.drawn import Drawn, drawn
from makar.train.contest.loop import Batch, Session, first_painted
from makar.train.pictures.data import values_of
from makar.train.pictures.sheet import contact_sheet

DRAWN = "drawn"
"""The folder of what was drawn, within that of the run."""
SHEET_PICTURES = 24
_NO_LOOK_FRAC = 0.1


@dataclass(frozen=True)
class Drawings:
    """Pictures drawn, and the real ones beside them.

    looks: source and style of each, from 1 on (0 is any look)
    Shapes: given (N, S, S, 4) uint8, real (M, 2 S, 2 S, 4) uint8, places (N,) in `real`, looks (N, 2), weights (N,)
    """

    given: Tensor
    real: Tensor
    places: Tensor
    looks: Tensor
    weights: Tensor
    faithful: float

    def __len__(self) -> int:
        return len(self.given)

    def batch(self, rows: Tensor, random: torch.Generator) -> Batch:
        """Those rows, each mirrored or not, and told one of its looks or none."""
        chance = torch.rand(3, len(rows), generator=random, device=rows.device)
        mirrored = (chance[0] < 0.5).view(-1, 1, 1, 1)
        given, clean = (torch.where(mirrored, values.flip(3), values) for values in
                        (values_of(self.given[rows]), values_of(self.real[self.places[rows]])))
        looks = self.looks[rows, (chance[1] < 0.5).long()] * (chance[2] >= _NO_LOOK_FRAC)
        return Batch(clean, given, looks, self.weights[rows])

    def distance(self, made: Tensor, batch: Batch) -> Tensor:
        """From the real pictures, where these were begun with, and from what was given at its own size."""
        real = ((made - batch.clean).abs().mean((1, 2, 3)) * batch.weights).mean()
        return real + self.faithful * (functional.avg_pool2d(made, 2) - batch.begun).abs().mean()


@dataclass(frozen=True)
class Refined:
    """What a model has drawn of a pack as the subject of a contest. of: its name, its hash and its own data"""

    pack: Pack
    drawn: Drawn
    of: Mapping[str, Any]
    shape: Refining

    @property
    def root(self) -> str:
        """The hash of the pack's and of what was drawn."""
        return sha256_bytes(f"{self.pack.root}{self.drawn.root}".encode())

    def nets(self, config: Config) -> tuple[nn.Module, nn.Module]:
        """A refiner and its judge."""
        return initialised(self.shape, config.seed)

    def examples(self, config: Config, device: torch.device) -> tuple[Drawings, Drawings]:
        """Those of the two splits of the pack."""
        assert config.refine is not None
        entries, look = self.pack.entries, {name: index + 1 for index, name in enumerate(self.pack.looks)}
        real, place_of = self._real()
        found = []
        for split in ("train", "held_out"):
            rows = np.flatnonzero([entries[place].split == split for place in self.drawn.places])
            told = [entries[place] for place in self.drawn.places[rows]]
            found.append(Drawings(
                torch.from_numpy(self.drawn.pixels[rows]).to(device), torch.from_numpy(real).to(device),
                torch.tensor([place_of[place] for place in self.drawn.places[rows]], device=device),
                torch.tensor([[look[entry.source], look[entry.style]] for entry in told], device=device),
                # What was drawn from under little noise is most surely meant to be the real picture.
                torch.from_numpy(2 * self.drawn.starts[rows]).to(device), config.refine.faithful))
        if not len(found[0]):
            raise BadInput(f"the pack '{self.pack.folder}' has no picture larger than those to refine")
        return found[0], found[1]

    def _real(self) -> tuple[Pixels, dict[int, int]]:
        """All pictures at twice the size of those drawn, and where in them each entry's is."""
        pictures, place_of, size_px = list[Pixels](), dict[int, int](), 2 * self.shape.size_px
        for size in sorted({self.pack.entries[place].size_px for place in self.drawn.places}):
            places, pixels = self.pack.pixels(size)
            place_of |= {place: len(place_of) + index for index, place in enumerate(places)}
            pictures.append(resized(pixels, size_px))
        return np.concatenate(pictures), place_of

    def kept(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Convolutions as matrices over their places and channels; in int8 as those of other nets."""
        return quantised({name: weight.permute(0, 2, 3, 1).flatten(1) if weight.dim() == 4 else weight
                          for name, weight in weights.items()})

    def model(self, session: Session) -> dict[str, Any]:
        """Whose pictures it refines, and from what it learned."""
        assert isinstance(session.painter, Refiner)
        of, licences = self.of, ", ".join(sorted(self.pack.facts["licences"]))
        return {
            "family": REFINER, "architecture": to_json(session.painter.config), "of": dict(of),
            "looks": list(self.pack.looks), "licence": f"Apache-2.0; the pictures of its data under {licences}",
            "training_data": f"{len(session.examples):,} drawings by {of['name']} ({of['sha256'][:16]}) and the real "
                             f"pictures of the pack {self.pack.root[:16]}; that model: {of['training_data']}"}

    def trained_on(self, session: Session) -> Iterator[tuple[Told, Pixels]] | None:
        """The index of the model that is refined holds them all."""
        return None

    def card(self, model: Mapping[str, Any]) -> str:
        """What it is, from what, how it was trained."""
        a, trained, of = model["architecture"], model["trained"], model["of"]
        measures = "\n".join(f"| {said} | {trained[name]:.2f} |" for name, said in (
            ("error", "never trained on"), ("train_error", "trained on")) if name in trained) or "| not measured | |"
        return f"""# {trained['recipe']}, step {trained['step']:,}

A refiner: what `{of['name']}` draws in {a['size_px']} px, once more in {2 * a['size_px']} px, in one pass. A U-Net of
{', '.join(map(str, a['widths']))} channels. Made by Makar.

Weights (sha256 of their shards' hashes): `{model['weights_sha256']}`; made for the weights `{of['sha256']}`

## Data

Every picture of the pack `{self.pack.root}` that is larger than {a['size_px']} px, its words
drawn twice by `{of['name']}`: from noise alone, and from the picture itself under noise. What was drawn:
`{self.drawn.root}`.

## Training

{trained['step']:,} steps, {trained['num_pictures']:,} drawings seen, {trained['seconds'] / 60:.1f} minutes on
{trained['device']}: the first {min(trained['alone_steps'], trained['step']):,} steps by the mean difference to the
real picture (from which it was drawn) and, at half the size, to the drawing; then also against a judge, by a
relativistic GAN with R1 and R2 of weight {trained['penalty']['weight']:g}.

| mean difference, of 255, to the real pictures that were drawn from | value |
|---|---|
{measures}

## Limits

It cleans and sharpens; what was drawn wrongly stays wrong.
"""

    def sheet(self, session: Session) -> Pixels:
        """What was given, what was made of it, and the real picture, one above the other."""
        asked = session.held_out if len(session.held_out) else session.examples
        painted, batch = first_painted(session, asked, SHEET_PICTURES)
        made, real, given = (to_pixels(values.cpu().numpy()) for values in (painted, batch.clean, batch.begun))
        given, across = resized(given, made.shape[1]), min(12, len(made))
        rows = [part[at:at + across] for at in range(0, len(made), across) for part in (given, made, real)]
        return contact_sheet(np.concatenate(rows), across)


def opened(folder: Path, config: Config, pack: Pack) -> Refined:
    """The drawings in a folder, those that are missing drawn first.

    Raises: UnknownName, BadInput (a model of something else, a net that does not fit it), Damaged, OutOfRoom
    """
    r = config.refine
    assert r is not None
    model = build(stored(r.model))
    try:
        shape = Refining(model.native_px, len(pack.looks), r.widths, r.num_blocks, r.fine_dim)
    except ValueError as error:
        raise BadInput(f"setting refine: {error}") from error
    of = {"name": model.name, "sha256": model.sha256, "training_data": model.training_data}
    return Refined(pack, drawn(folder, pack, model.name, config.workers), of, shape)
