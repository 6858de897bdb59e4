"""A Checkpoint of a painter: a folder with all that is needed to draw with it, and to train on.

    model.json card.md config.json            what it is: shape, attributes, words, licence, data; its settings
    weights.json weights-*.safetensors        the average of the painter's weights in bf16; to draw with
    neighbours.safetensors                    once it is over: an index of the pictures, to see near-copies by
    state.json state-*.safetensors            painter and critic in fp32, optimisers, average, position; to go on from
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from makar.codecs.attributed import Attributed
from makar.codecs.picture import Pixels
from makar.kit.config import to_json
from makar.kit.files import atomic_write, whole_folder
from makar.nets.shards import save_shards
from makar.store.native import FORMAT, PAINTER
from makar.tracing.pictures import NEIGHBOURS, Told, write_index
from makar.train.checkpoint import drop_older, stamp, step_folder
from makar.train.state import save_state

if TYPE_CHECKING:
    from makar.train.contest.loop import Session

WEIGHTS = "weights"


class Saver:
    """Writes the checkpoints of a run; each names the one before as its parent."""

    def __init__(self, data: Attributed, parent: str) -> None:
        self._data, self._parent = data, parent

    def __call__(self, session: Session) -> Path:
        weights = {name: weight.detach() for name, weight in session.painter.named_parameters()}
        average = session.painting.average or weights
        model = self._model(session)
        final = step_folder(session.out, session.clock.step)
        with whole_folder(final) as part:
            kept = {name: weight.to(torch.bfloat16) for name, weight in average.items()}
            sha256 = save_shards(part, WEIGHTS, kept, {})
            model |= {"weights_sha256": sha256}
            atomic_write(part / "model.json", json.dumps(model, indent=1, ensure_ascii=False))
            atomic_write(part / "config.json", json.dumps(to_json(session.config), indent=1))
            atomic_write(part / "card.md", write_card(model, self._data))
            if session.clock.step >= session.clock.last_step:
                write_index(part / NEIGHBOURS, trained_on(self._data, len(session.examples)))
            save_state(part, state_of(session), {"clock": asdict(session.clock), "measures": session.measures,
                                                 "sha256": sha256})
        stamp(final, session.config, {
            "sha256": sha256, "corpus_root": self._data.root, "parent": self._parent, "step": session.clock.step,
            "training_data": model["training_data"], "licence": model["licence"], **session.measures})
        drop_older(session.out)
        self._parent = sha256
        return final

    def _model(self, session: Session) -> dict[str, Any]:
        facts, clock, num = self._data.facts, session.clock, len(session.examples)
        return {
            "format": FORMAT, "family": PAINTER, "architecture": to_json(session.painter.config),
            "attributes": to_json(self._data.attributes), "counts": to_json(self._data.counts(num)),
            "words": to_json(facts.words),
            "licence": f"Apache-2.0; the pictures of its data under {facts.licence}",
            "training_data": f"{num:,} pictures of {facts.package} ({self._data.root[:16]}), all under {facts.licence}",
            "trained": {"recipe": session.config.recipe, "step": clock.step, "num_pictures": clock.num_tok,
                        "seconds": round(clock.seconds, 1), "device": str(session.device), "parent": self._parent,
                        "corpus_root": self._data.root, "alone_steps": session.config.alone_steps,
                        "likeness": session.config.likeness, "penalty": to_json(session.config.penalty),
                        **session.measures}}


def state_of(session: Session) -> dict[str, torch.Tensor]:
    """Everything that a later process needs to go on with the same numbers."""
    found: dict[str, torch.Tensor] = {}
    for side, net, optimiser in (("painter", session.painter, session.painting),
                                 ("critic", session.critic, session.judging)):
        found |= {f"{side}/net/{name}": weight.detach() for name, weight in net.named_parameters()}
        found |= {f"{side}/{name}": value for name, value in optimiser.state().items()}
    return found


def trained_on(data: Attributed, num: int) -> Iterator[tuple[Told, Pixels]]:
    """Every picture that is learned from, with what is to be said of it."""
    for place in range(num):
        yield Told(f"{place:05}", data.facts.credit, data.facts.licence, data.facts.credit), data.pixels[place]


def write_card(model: Mapping[str, Any], data: Attributed) -> str:
    """The card in Markdown: what it is, from what, how it was trained."""
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
