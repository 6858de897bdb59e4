"""A Checkpoint of a painter: a folder with all that is needed to draw with it, and to train on.

    model.json card.md config.json            what it is: shape, what it knows, licence, data; its settings
    weights.json weights-*.safetensors        the average of the painter's weights; to draw with
    neighbours.safetensors                    once it is over: an index of the pictures, to see near-copies by
    state.json state-*.safetensors            painter and critic in fp32, optimisers, average, position; to go on from
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from makar.kit.config import to_json
from makar.kit.files import atomic_write, whole_folder
from makar.nets.shards import save_shards
from makar.store.native import FORMAT
from makar.tracing.pictures import NEIGHBOURS, write_index
from makar.train.checkpoint import drop_older, stamp, step_folder
from makar.train.contest.subject import Subject
from makar.train.state import save_state

if TYPE_CHECKING:
    from makar.train.contest.loop import Session

WEIGHTS = "weights"


class Saver:
    """Writes the checkpoints of a run; each names the one before as its parent."""

    def __init__(self, subject: Subject, parent: str) -> None:
        self._subject, self._parent = subject, parent

    def __call__(self, session: Session) -> Path:
        weights = {name: weight.detach() for name, weight in session.painter.named_parameters()}
        model = self._model(session)
        final = step_folder(session.out, session.clock.step)
        with whole_folder(final) as part:
            sha256 = save_shards(part, WEIGHTS, self._subject.kept(session.painting.average or weights), {})
            model |= {"weights_sha256": sha256}
            atomic_write(part / "model.json", json.dumps(model, indent=1, ensure_ascii=False))
            atomic_write(part / "config.json", json.dumps(to_json(session.config), indent=1))
            atomic_write(part / "card.md", self._subject.card(model))
            over = session.clock.step >= session.clock.last_step
            if over and (pictures := self._subject.trained_on(session)) is not None:
                write_index(part / NEIGHBOURS, pictures)
            save_state(part, state_of(session), {"clock": asdict(session.clock), "measures": session.measures,
                                                 "sha256": sha256})
        stamp(final, session.config, {
            "sha256": sha256, "corpus_root": self._subject.root, "parent": self._parent, "step": session.clock.step,
            "training_data": model["training_data"], "licence": model["licence"], **session.measures})
        drop_older(session.out)
        self._parent = sha256
        return final

    def _model(self, session: Session) -> dict[str, Any]:
        config, clock = session.config, session.clock
        return {
            "format": FORMAT, **self._subject.model(session),
            "trained": {"recipe": config.recipe, "step": clock.step, "num_pictures": clock.num_tok,
                        "seconds": round(clock.seconds, 1), "device": str(session.device), "parent": self._parent,
                        "corpus_root": self._subject.root, "alone_steps": config.alone_steps,
                        "likeness": config.likeness, "penalty": to_json(config.penalty), **session.measures}}


def state_of(session: Session) -> dict[str, torch.Tensor]:
    """Everything that a later process needs to go on with the same numbers."""
    found: dict[str, torch.Tensor] = {}
    for side, net, optimiser in (("painter", session.painter, session.painting),
                                 ("critic", session.critic, session.judging)):
        found |= {f"{side}/net/{name}": weight.detach() for name, weight in net.named_parameters()}
        found |= {f"{side}/{name}": value for name, value in optimiser.state().items()}
    return found
