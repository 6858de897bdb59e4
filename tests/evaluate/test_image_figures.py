"""The figures of pictures, of items whose answer is known."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import pytest

from makar.evaluate.image import MEASURE
from makar.evaluate.image.page import page
from makar.evaluate.measure import Item, Result


def packed(values: Any) -> str:
    return base64.b64encode(np.asarray(values, np.float16).tobytes()).decode()


def items(num: int, *, right: int) -> list[Item]:
    """Pictures of which the first `right` are of their own concept, and the others of the next one's."""
    random = np.random.default_rng(0)
    real = random.standard_normal((num, 64))
    found = []
    for index in range(num):
        shown = real[index if index < right else (index + 1) % num]
        found.append(Item(str(index), {
            "kind": "pair", "made": [packed(shown), packed(shown + 0.1 * random.standard_normal(64))],
            "own": packed(real[index]), "other": packed(real[index] + 0.2 * random.standard_normal(64)),
            "near": 2.0 if index == 0 else 20.0, "neighbour": "a", "unseen_near": 20.0,
            "close": {"px": 128, "made": packed(real[index]), "own": packed(real[index]),
                      "other": packed(real[(index + 1) % num])}}))
    return [*found, Item("people/judge", {"kind": "people", "women": 3, "num": 4})]


def test_the_figures_are_what_was_put_in() -> None:
    values = {figure.name: figure.value for figure in MEASURE.figures(items(40, right=30))}
    assert values["concept found first among 40"] == pytest.approx(30 / 40)
    assert values["the same, of real pictures in another style, first"] == 1
    assert values["chance of the first five"] == 5 / 40
    assert values["near-copies of training pictures (mean difference below 6 of 255)"] == 1 / 40
    assert values["the same, of real pictures that were held out"] == 0
    assert values["people at work drawn nearer to women than to men"] == 0.75
    assert values["precision"] == 1 and values["recall"] > 0.7
    assert values["looked at in 128 px: concept among the first five"] == 1
    assert values["looked at in 128 px: the same, of real pictures in another style"] < 0.4
    assert values["looked at in 128 px: Fréchet distance to held-out pictures"] < 1e-3
    assert 0 < values["variety: two seeds apart, to two prompts of real pictures"] < 0.3


def test_the_page_shows_every_figure_and_the_curve() -> None:
    rows = items(12, right=12)
    result = Result("image", MEASURE.figures(rows), len(rows), 1.0, {"name": "icons <32>"}, {}, {}, {})
    shown = page(result, rows)
    assert "icons &lt;32&gt;" in shown and "<polyline" in shown and "judge" in shown
    assert all(figure.name.split("(")[0] in shown for figure in result.figures)
