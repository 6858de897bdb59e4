"""A Checkpoint of a picture model: a folder with all that is needed to draw with it, and to train on.

    model.json card.md config.json            what it is: shape, looks, licence, data, who is to be named; its settings
    weights.json weights-*.safetensors        averaged weights, matrices in int8, and the map of words; to draw with
    neighbours.safetensors                    an index of the pictures, to see near-copies by and to draw after
    state.json state-*.safetensors            weights in fp32, optimiser, average, position; to go on from
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from makar.codecs.pack import Pack
from makar.kit.config import to_json
from makar.kit.files import atomic_write, whole_folder
from makar.nets.shards import quantised, save_shards
from makar.store.native import FORMAT, PICTURES
from makar.tracing.pictures import NEIGHBOURS, build
from makar.train.checkpoint import drop_older, stamp, step_folder
from makar.train.pictures.card import write_card
from makar.train.pictures.data import known_concepts, told_of, trained_on
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
            names, vectors = self._concepts
            kept = {**quantised({**average, "concepts": torch.from_numpy(vectors)}), **words_map(self._pack)}
            sha256 = save_shards(part, WEIGHTS, kept, {"looks": list(self._pack.looks)})
            model |= {"concepts": names, "weights_sha256": sha256}
            atomic_write(part / "model.json", json.dumps(model, indent=1, ensure_ascii=False))
            atomic_write(part / "config.json", json.dumps(to_json(session.config), indent=1))
            atomic_write(part / "card.md", write_card(model, self._pack))
            if session.net.config.exemplars or session.clock.step >= session.clock.last_step:
                atomic_write(part / NEIGHBOURS, self._index)
            save_state(part, {f"net/{name}": weight for name, weight in weights.items()} | session.optimiser.state(),
                       {"clock": asdict(session.clock), "measures": session.measures, "sha256": sha256})
        stamp(final, session.config, {
            "sha256": sha256, "corpus_root": self._pack.root, "parent": self._parent, "step": session.clock.step,
            "training_data": model["training_data"], "licence": model["licence"], **session.measures})
        drop_older(session.out)
        self._parent = sha256
        return final

    @cached_property
    def _index(self) -> bytes:
        return build((told_of(entry), pixels) for entry, pixels in trained_on(self._pack))

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
