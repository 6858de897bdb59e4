"""How near a prompt is to what a model was shown."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from makar.rooms.image.models.patchflow import PatchFlow

LEAST_FRAC = 0.5
MOST_TOLD = 3


@dataclass(frozen=True)
class Nearness:
    score_frac: float
    concepts: tuple[str, ...]


def nearest(model: PatchFlow, prompt: str) -> Nearness:
    assert model.vectors is not None
    found = model.prompts.words(prompt).mean(0)
    lengths = np.linalg.norm(model.vectors, axis=1) * max(float(np.linalg.norm(found)), 1e-9)
    alike = model.vectors @ found / np.maximum(lengths, 1e-9)
    best = np.argsort(-alike, kind="stable")[:MOST_TOLD]
    return Nearness(float(max(0.0, alike[best[0]])), tuple(model.concepts[at] for at in best))
