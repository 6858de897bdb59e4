"""The figures of a painter of attributes, from outcomes whose figures are known."""

from __future__ import annotations

import base64
from pathlib import Path

import numpy as np
import pytest

from makar.evaluate.avatars import figures, tasks
from makar.evaluate.measure import Item
from makar.kit.errors import NotHere
from makar.rooms.image.models import tiny


def outcome(features: np.ndarray, *, same: int, near: float) -> dict[str, object]:
    return {"near": near, "same": same, "features": base64.b64encode(features.astype(np.float32).tobytes()).decode()}


def test_painting_the_real_pictures_again_is_as_good_as_they_are() -> None:
    random = np.random.default_rng(0)
    items = []
    for place in range(40):
        seen = random.normal(size=64)
        items.append(Item(f"{place}", {"difference": 2.0, "num": 10, "made": outcome(seen, same=7, near=5.0),
                                       "real": outcome(seen, same=7, near=5.0 if place < 10 else 9.0)}))
    made, real, difference, distance, halves, precise, found, near, unseen = figures(items)
    assert made.value == real.value == pytest.approx(0.7) and difference.value == pytest.approx(2.0)
    assert abs(distance.value) < 1e-3 < halves.value
    assert precise.value == found.value == 1.0
    assert near.value == 1.0 and unseen.value == 0.25


def test_it_needs_the_pictures_that_the_model_learned_from(tmp_path: Path) -> None:
    with pytest.raises(NotHere, match="only-data"):
        tasks(tiny.build(), tmp_path / "none.safetensors")
