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
from makar.kit.errors import BadInput
from makar.kit.files import atomic_write, whole_folder
from makar.nets.autoencoder import Autoencoder
from makar.nets.shards import load_shards, quantised, save_shards
from makar.store.native import AUTOENCODER, FORMAT
from makar.train.checkpoint import drop_older, stamp, step_folder
from makar.train.state import save_state

if TYPE_CHECKING:
    from makar.train.autoencoder.loop import Session

WEIGHTS = "weights"


class Saver:
    """Writes the checkpoints of a run; each names the one before as its parent. of, start: as of `run.Prepared`"""

    def __init__(self, pack: Pack, of: Mapping[str, Any], parent: str, start: Mapping[str, str]) -> None:
        self._pack, self._of, self._parent, self._start = pack, of, parent, start

    def __call__(self, session: Session) -> Path:
        weights = {name: weight.detach() for name, weight in session.net.named_parameters()}
        model = self._model(session)
        final = step_folder(session.out, session.clock.step)
        with whole_folder(final) as part:
            sha256 = save_shards(part, WEIGHTS, quantised(matrices(weights | session.optimiser.average)), {})
            model |= {"weights_sha256": sha256}
            atomic_write(part / "model.json", json.dumps(model, indent=1, ensure_ascii=False))
            atomic_write(part / "config.json", json.dumps(to_json(session.config), indent=1))
            atomic_write(part / "card.md", write_card(model, self._pack, len(session.pictures)))
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
        start, cleans = self._start, f"; what it cleans, {of['name']} ({of['sha256'][:16]}): {of['training_data']}"
        before = ""
        if start:  # what both clean is told once
            before = (f"; before, as {start['name']} ({start['sha256'][:16]}), "
                      f"{start['training_data'].removesuffix(cleans)}")
        return {
            "format": FORMAT, "family": AUTOENCODER, "architecture": to_json(session.net.config), "of": dict(of),
            "licence": "Apache-2.0; the pictures of its data under " + ", ".join(sorted(facts["licences"])),
            "training_data": f"{len(session.pictures):,} pictures of the pack {self._pack.root[:16]} ({told})"
                             f"{before}{cleans}",
            "trained": {"recipe": session.config.recipe, "step": clock.step, "num_pictures": clock.num_tok,
                        "seconds": round(clock.seconds, 1), "device": str(session.device), "parent": self._parent,
                        "start": dict(start), "corpus_root": self._pack.root, "spoil": to_json(session.config.spoil),
                        **session.measures}}


def matrices(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Convolutions as matrices over their places and channels."""
    return {name: weight.permute(0, 2, 3, 1).flatten(1) if weight.dim() == 4 else weight
            for name, weight in weights.items()}


def weights_of(folder: Path, net: Autoencoder) -> dict[str, Tensor]:
    """The weights of a checkpoint, as a net of the same shape has them.

    Raises: NotHere, Damaged, BadInput (of another shape, or no autoencoder)
    """
    kept, found = load_shards(folder, WEIGHTS)[0], dict[str, Tensor]()
    for name, weight in net.named_parameters():
        shape = weight.permute(0, 2, 3, 1).shape if weight.dim() == 4 else weight.shape
        if name not in kept or kept[name].numel() != weight.numel() or len(kept[name]) != len(weight):
            raise BadInput(f"the weights in '{folder}' have another shape ({name}); give the run the same one, or "
                           "leave out --set start")
        whole = kept[name].float().view(shape)
        found[name] = whole.permute(0, 3, 1, 2) if weight.dim() == 4 else whole
    return found


def write_card(model: Mapping[str, Any], pack: Pack, num_trained_on: int) -> str:
    """The card in Markdown: what it is, from what, how it was trained."""
    a, trained, of, facts = model["architecture"], model["trained"], model["of"], pack.facts
    licences = "\n".join(f"| {licence} | {num:,} |" for licence, num in sorted(facts["licences"].items()))
    measures = "\n".join(f"| {said} | {trained[name]:.2f} |" for name, said in (
        ("error", "never trained on"), ("drawn_error", "never trained on, given as they are drawn"),
        ("train_error", "trained on")) if name in trained) or "| not measured yet | |"
    side, spoil = a["size_px"], trained["spoil"]
    num_held_out = sum(entry.split == "held_out" for entry in pack.entries)
    return f"""# {trained['recipe']}, step {trained['step']:,}

An autoencoder that cleans what `{of['name']}` draws in {side} px, and makes pictures of {a['times'] * side} px of it,
in one pass: of each place of {side // 4} by {side // 4} it keeps {a['latent_dim']} numbers. Made by Makar.

Weights (sha256 of their shards' hashes): `{model['weights_sha256']}`, for drawings by `{of['sha256']}`

## Data

Pack `{pack.root}`: {facts['num_pictures']:,} pictures, {num_held_out:,} of them, as pairs of concept and style, never
trained on, and {num_trained_on:,} trained on: smaller ones than are made teach nothing here. From:
{'; '.join(facts['packages'])}.

| licence | pictures |
|---|---|
{licences}

## Training

{trained['step']:,} steps, {trained['num_pictures']:,} pictures seen
({trained['num_pictures'] / num_trained_on:.1f} times those trained on), {trained['seconds'] / 60:.1f} minutes on
{trained['device']}. {spoil['drawn']:.0%} of them were given as `{of['name']}` draws them from under noise, the
others small, {spoil['frac']:.0%} of those blurred and spotted; noise was put on what was kept of them.

| mean difference, of 255, between real pictures given small and what is made of them | value |
|---|---|
{measures}

## Limits

It cleans and sharpens; what was drawn wrongly stays wrong, and fine detail is lost with the noise.

## Who made the pictures

{chr(10).join(f"- {line}" for line in facts['credits'])}
"""
