"""Avatars: attributes and noise in, a picture out that a critic takes for a real one with these attributes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from makar.codecs.attributed import Attributed
from makar.codecs.picture import Pixels
from makar.codecs.pixels import crisp, resized, to_pixels, to_values
from makar.kit.config import to_json
from makar.nets.adversaries import Painter, initialised
from makar.store.native import PAINTER
from makar.tracing.pictures import Told
from makar.train.contest.config import Config
from makar.train.contest.loop import Batch, Session, first_painted
from makar.train.pictures.sheet import contact_sheet

SHEET_PICTURES, SHEET_SCALE = 24, 3


@dataclass(frozen=True)
class Portraits:
    """Pictures with their attributes. Shapes: clean (N, C, S, S), values (N, attributes)"""

    clean: Tensor
    values: Tensor
    noise_dim: int

    def __len__(self) -> int:
        return len(self.clean)

    def batch(self, rows: Tensor, random: torch.Generator) -> Batch:
        """Those rows, and noise for each."""
        noise = torch.randn(len(rows), self.noise_dim, generator=random, device=rows.device)
        return Batch(self.clean[rows], noise, self.values[rows], torch.ones(len(rows), device=rows.device))

    def distance(self, made: Tensor, batch: Batch) -> Tensor:
        """From the real pictures with the same attributes."""
        return (made - batch.clean).abs().mean()


@dataclass(frozen=True)
class Avatars:
    """A file of pictures with attributes as the subject of a contest."""

    data: Attributed

    @property
    def root(self) -> str:
        """The hash of the file."""
        return self.data.root

    def nets(self, config: Config) -> tuple[nn.Module, nn.Module]:
        """A painter and its critic."""
        sizes = tuple(len(attribute.values) for attribute in self.data.attributes)
        return initialised(config.architecture(self.data.pixels.shape[1], sizes), config.seed)

    def examples(self, config: Config, device: torch.device) -> tuple[Portraits, Portraits]:
        """The last ones are held out."""
        num = len(self.data) - round(len(self.data) * config.held_out_frac)
        first, last = (Portraits(torch.from_numpy(to_values(self.data.pixels[rows])).contiguous().to(device),
                                 torch.from_numpy(self.data.values[rows].astype(np.int64)).to(device),
                                 config.net.noise_dim) for rows in (slice(num), slice(num, None)))
        return first, last

    def kept(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """In bf16."""
        return {name: weight.to(torch.bfloat16) for name, weight in weights.items()}

    def model(self, session: Session) -> dict[str, Any]:
        """Its attributes, and the words for them."""
        facts, num = self.data.facts, len(session.examples)
        assert isinstance(session.painter, Painter)
        return {
            "family": PAINTER, "architecture": to_json(session.painter.config),
            "attributes": to_json(self.data.attributes), "counts": to_json(self.data.counts(num)),
            "words": to_json(facts.words),
            "licence": f"Apache-2.0; the pictures of its data under {facts.licence}",
            "training_data": f"{num:,} pictures of {facts.package} ({self.data.root[:16]}), all under {facts.licence}"}

    def trained_on(self, session: Session) -> Iterator[tuple[Told, Pixels]]:
        """Every picture that is learned from."""
        facts = self.data.facts
        for place in range(len(session.examples)):
            yield Told(f"{place:05}", facts.credit, facts.licence, facts.credit), self.data.pixels[place]

    def sheet(self, session: Session) -> Pixels:
        """Painted pictures above the real ones with the same attributes, which were never trained on (where there are
        such).
        """
        asked = session.held_out if len(session.held_out) else session.examples
        painted, batch = first_painted(session, asked, SHEET_PICTURES)
        made, real = (crisp(to_pixels(values.cpu().numpy())) for values in (painted, batch.clean))
        across = min(12, len(made))
        both = np.concatenate([part for at in range(0, len(made), across)
                               for part in (made[at:at + across], real[at:at + across])])
        return contact_sheet(resized(both, SHEET_SCALE * both.shape[1]), across)

    def card(self, model: Mapping[str, Any]) -> str:
        """What it is, from what, how it was trained."""
        data = self.data
        a, trained, facts = model["architecture"], model["trained"], data.facts
        measures = "\n".join(f"| {said} | {trained[name]:.2f} |" for name, said in (
            ("error", "to real pictures that were never trained on"), ("train_error", "to real pictures that were"))
            if name in trained) or "| not measured yet | |"
        nouns = ", ".join(noun for noun in sorted(facts.words) if noun)
        return f"""# {trained['recipe']}, step {trained['step']:,}

A painter of avatars ({a['size_px']} px, transparent background, {a['num_inks']} inks): attributes in, picture out,
in one pass. Made by Makar.

Weights (sha256 of their shards' hashes): `{model['weights_sha256']}`

## Data

{len(data):,} pictures, {sum(model['counts'][0]):,} of them trained on: {facts.credit}, {facts.licence}, drawn by
{facts.package} from seeds of ours, with the attributes that the generator says it has used. The file's sha256 is
`{data.root}`.

## Training

{trained['step']:,} steps, {trained['num_pictures']:,} pictures seen, {trained['seconds'] / 60:.1f} minutes on
{trained['device']}.

The first {min(trained['alone_steps'], trained['step']):,} steps by the mean difference to real pictures alone.
Then against a critic, by a relativistic GAN with R1 and R2 of weight {trained['penalty']['weight']:g}, measured on
{trained['penalty']['part_frac']:.0%} of each batch; the difference (of values from -1 to 1) goes on to count,
{trained['likeness']:g} times.

| mean difference, of 255, with the same attributes | value |
|---|---|
{measures}

## What can be asked for

{nouns}. What no word says is drawn by the seed, as often as in the data.

## Limits

It composes what its data holds. Nothing in the data says who is a woman or a man, so no such word means anything to it.
"""
