"""A Checkpoint of a picture model: a folder with all that is needed to draw with it, and to train on.

    model.json card.md config.json            what it is: shape, looks, licence, data, who is to be named; its settings
    weights.json weights-*.safetensors        averaged weights, matrices in int8, and the map of words; to draw with
    neighbours.safetensors                    once it is over: an index of the pictures, to see near-copies by
    state.json state-*.safetensors            weights in fp32, optimiser, average, position; to go on from
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from makar.codecs.pack import Pack, Pixels
from makar.kit.config import to_json
from makar.kit.files import atomic_write, whole_folder
from makar.nets.shards import quantised, save_shards
from makar.store.native import FORMAT, PICTURES
from makar.tracing.pictures import NEIGHBOURS, Told, write_index
from makar.train.checkpoint import drop_older, stamp, step_folder
from makar.train.pictures.card import write_card
from makar.train.state import save_state

if TYPE_CHECKING:
    from makar.train.pictures.loop import Session

WEIGHTS = "weights"


class Saver:
    """Writes the checkpoints of a run; each names the one before as its parent, the first the model it began with."""

    def __init__(self, pack: Pack, parent: str, start: Mapping[str, str]) -> None:
        self._pack, self._parent, self._start, self._concepts = pack, parent, start, known_concepts(pack)

    def __call__(self, session: Session) -> Path:
        weights = {name: weight.detach() for name, weight in session.net.named_parameters()}
        average = weights | session.optimiser.average
        for name, before in session.begun_with.items():
            if name in average:
                average[name] = torch.lerp(average[name], before.to(average[name]), session.config.kept_frac)
        model = self._model(session)
        final = step_folder(session.out, session.clock.step)
        with whole_folder(final) as part:
            sha256 = save_shards(part, WEIGHTS, {**quantised({**average, "concepts": self._concepts[1]}),
                                                 **words_map(self._pack)}, {"looks": list(self._pack.looks)})
            model |= {"concepts": self._concepts[0], "weights_sha256": sha256}
            atomic_write(part / "model.json", json.dumps(model, indent=1, ensure_ascii=False))
            atomic_write(part / "config.json", json.dumps(to_json(session.config), indent=1))
            atomic_write(part / "card.md", write_card(model, self._pack))
            if session.clock.step >= session.clock.last_step:
                write_index(part / NEIGHBOURS, trained_on(self._pack))
            save_state(part, {f"net/{name}": weight for name, weight in weights.items()} | session.optimiser.state(),
                       {"clock": asdict(session.clock), "measures": session.measures, "sha256": sha256})
        stamp(final, session.config, {
            "sha256": sha256, "corpus_root": self._pack.root, "parent": self._parent, "step": session.clock.step,
            "training_data": model["training_data"], "licence": model["licence"], **session.measures})
        drop_older(session.out)
        self._parent = sha256
        return final

    def _model(self, session: Session) -> dict[str, Any]:
        facts, clock = self._pack.facts, session.clock
        told = ", ".join(f"{num:,} under {licence}" for licence, num in sorted(facts["licences"].items()))
        start, before = self._start, ""
        if start:
            hashes = " and ".join(sha256[:16] for sha256 in start["sha256"].split(" and "))
            before = f"; before, as {start['name']} ({hashes}), {start['training_data']}"
        return {
            "format": FORMAT, "family": PICTURES, "architecture": to_json(session.net.config),
            "reader": facts["reader"], "looks": list(self._pack.looks),
            "styles": sorted({entry.style for entry in self._pack.entries}),
            "pixel_looks": sorted({look for entry in self._pack.entries if entry.size_px < facts["settings"]["size_px"]
                                   for look in (entry.style, entry.source)}),
            "licence": "Apache-2.0; the pictures of its data under " + ", ".join(sorted(facts["licences"])),
            "usual": to_json(session.config.watch.sampling),
            "training_data": f"{len(session.pictures):,} pictures of the pack {self._pack.root[:16]} ({told}){before}",
            "trained": {"recipe": session.config.recipe, "step": clock.step, "num_pictures": clock.num_tok,
                        "seconds": round(clock.seconds, 1), "device": str(session.device), "parent": self._parent,
                        "start": dict(start), "corpus_root": self._pack.root, **session.measures}}


def words_map(pack: Pack) -> Mapping[str, Tensor]:
    """How other prompts are embedded as the pack's phrases were."""
    words = pack.words
    return {f"words.{name}": torch.from_numpy(value.copy()) for name, value in
            (("basis", words.basis), ("mean", words.mean), ("scale", words.scale))}


def known_concepts(pack: Pack) -> tuple[list[str], Tensor]:
    """What the pictures that are trained on show, by name, and each name's words as one vector.

    Shapes: -> (concepts, dim)
    """
    number = {phrase: index for index, phrase in enumerate(pack.words.phrases)}
    names = {entry.phrases[0] for entry in pack.entries if entry.split == "train"}
    found = sorted(names)
    return found, torch.from_numpy(np.stack([pack.words.of(number[name]).mean(0) for name in found]))


def trained_on(pack: Pack) -> Iterator[tuple[Told, Pixels]]:
    """Every picture that is learned from, with what is to be said of it."""
    for size_px in sorted({entry.size_px for entry in pack.entries}):
        for place, pixels in zip(*pack.pixels(size_px), strict=True):
            entry = pack.entries[place]
            if entry.split == "train":
                yield Told(entry.id.partition("/")[2], entry.source, entry.licence, entry.credit), pixels
