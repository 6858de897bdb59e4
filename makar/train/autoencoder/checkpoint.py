"""A Checkpoint of an autoencoder: a folder with all that is needed to clean with it, and to train on.

    model.json card.md config.json            what it is: shape, whose drawings it is for, licence, data; its settings
    weights.json weights-*.safetensors        averaged weights, as matrices in int8; to clean with
    state.json state-*.safetensors            weights in fp32, optimiser, average, position; to go on from
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

from makar.codecs.pack import Pack
from makar.kit.config import to_json
from makar.kit.files import atomic_write, whole_folder
from makar.nets.shards import quantised, save_shards
from makar.store.native import AUTOENCODER, FORMAT
from makar.train.checkpoint import drop_older, stamp, step_folder
from makar.train.state import save_state

if TYPE_CHECKING:
    from makar.train.autoencoder.loop import Session

WEIGHTS = "weights"


class Saver:
    """Writes the checkpoints of a run; each names the one before as its parent. of: as of `run.Prepared`"""

    def __init__(self, pack: Pack, of: Mapping[str, Any], parent: str) -> None:
        self._pack, self._of, self._parent = pack, of, parent

    def __call__(self, session: Session) -> Path:
        weights = {name: weight.detach() for name, weight in session.net.named_parameters()}
        model = self._model(session)
        final = step_folder(session.out, session.clock.step)
        with whole_folder(final) as part:
            sha256 = save_shards(part, WEIGHTS, quantised(matrices(weights | session.optimiser.average)), {})
            model |= {"weights_sha256": sha256}
            atomic_write(part / "model.json", json.dumps(model, indent=1, ensure_ascii=False))
            atomic_write(part / "config.json", json.dumps(to_json(session.config), indent=1))
            atomic_write(part / "card.md", write_card(model, self._pack))
            save_state(part, {f"net/{name}": weight for name, weight in weights.items()} | session.optimiser.state(),
                       {"clock": asdict(session.clock), "measures": session.measures, "sha256": sha256})
        stamp(final, session.config, {
            "sha256": sha256, "corpus_root": self._pack.root, "parent": self._parent, "step": session.clock.step,
            "training_data": model["training_data"], "licence": model["licence"], **session.measures})
        drop_older(session.out)
        self._parent = sha256
        return final

    def _model(self, session: Session) -> dict[str, Any]:
        facts, clock, of = self._pack.facts, session.clock, self._of
        told = ", ".join(f"{num:,} under {licence}" for licence, num in sorted(facts["licences"].items()))
        return {
            "format": FORMAT, "family": AUTOENCODER, "architecture": to_json(session.net.config), "of": dict(of),
            "licence": "Apache-2.0; the pictures of its data under " + ", ".join(sorted(facts["licences"])),
            "training_data": f"{len(session.pictures):,} pictures of the pack {self._pack.root[:16]} ({told}); what it "
                             f"cleans, {of['name']} ({of['sha256'][:16]}): {of['training_data']}",
            "trained": {"recipe": session.config.recipe, "step": clock.step, "num_pictures": clock.num_tok,
                        "seconds": round(clock.seconds, 1), "device": str(session.device), "parent": self._parent,
                        "corpus_root": self._pack.root, "spoil": to_json(session.config.spoil), **session.measures}}


def matrices(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Convolutions as matrices over their places and channels."""
    return {name: weight.permute(0, 2, 3, 1).flatten(1) if weight.dim() == 4 else weight
            for name, weight in weights.items()}


def write_card(model: Mapping[str, Any], pack: Pack) -> str:
    """The card in Markdown: what it is, from what, how it was trained."""
    a, trained, of, facts = model["architecture"], model["trained"], model["of"], pack.facts
    licences = "\n".join(f"| {licence} | {num:,} |" for licence, num in sorted(facts["licences"].items()))
    measures = "\n".join(f"| {said} | {trained[name]:.2f} |" for name, said in (
        ("error", "never trained on"), ("train_error", "trained on")) if name in trained) or "| not measured yet | |"
    side, spoil = a["size_px"], trained["spoil"]
    num_held_out = sum(entry.split == "held_out" for entry in pack.entries)
    return f"""# {trained['recipe']}, step {trained['step']:,}

An autoencoder that cleans what `{of['name']}` draws in {side} px, and makes pictures of {a['times'] * side} px of it,
in one pass: of each place of {side // 4} by {side // 4} it keeps {a['latent_dim']} numbers. Made by Makar.

Weights (sha256 of their shards' hashes): `{model['weights_sha256']}`, for drawings by `{of['sha256']}`

## Data

Pack `{pack.root}`: {facts['num_pictures']:,} pictures, {num_held_out:,} of them, as pairs of concept and style, never
trained on. From: {'; '.join(facts['packages'])}. What was drawn is not among it.

| licence | pictures |
|---|---|
{licences}

## Training

{trained['step']:,} steps, {trained['num_pictures']:,} pictures seen
({trained['num_pictures'] / facts['num_pictures']:.1f} times the data), {trained['seconds'] / 60:.1f} minutes on
{trained['device']}. Three of four ({spoil['frac']:.0%}) were blurred and spotted before, and noise was put on what was
kept of them.

| mean difference, of 255, between real pictures given small and what is made of them | value |
|---|---|
{measures}

## Limits

It cleans and sharpens; what was drawn wrongly stays wrong, and fine detail is lost with the noise.

## Who made the pictures

{chr(10).join(f"- {line}" for line in facts['credits'])}
"""
