"""Measures of pictures against what can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from makar.rooms.image.features import with_output
from makar.rooms.image.measures import distances, frechet, precision, ranks


def test_the_distance_of_two_gaussians_is_the_known_one() -> None:
    random = np.random.default_rng(0)
    real = random.standard_normal((40_000, 3)).astype(np.float32)
    made = (random.standard_normal((40_000, 3)) * 2 + np.array([1, 0, 0])).astype(np.float32)
    assert frechet(real, made) == pytest.approx(1 + 3 * (2 - 1) ** 2, rel=0.05)
    assert frechet(real, real) == pytest.approx(0, abs=1e-3)


def test_ranks_count_who_is_nearer() -> None:
    gallery = np.eye(4, dtype=np.float32)
    asked = gallery[[0, 2, 1, 3]]
    assert ranks(gallery, gallery).tolist() == [0, 0, 0, 0]
    assert ranks(asked, gallery).tolist()[0] == 0 and ranks(asked, gallery).tolist()[1] > 0


def test_precision_is_of_those_within_reach() -> None:
    random = np.random.default_rng(1)
    real = random.standard_normal((200, 2)).astype(np.float32)
    inside, outside = np.zeros((5, 2), np.float32), np.full((5, 2), 50, np.float32)
    assert precision(real, np.concatenate((inside, outside))).tolist() == [True] * 5 + [False] * 5


def test_distances_are_those_of_two_loops() -> None:
    random = np.random.default_rng(2)
    one, other = random.standard_normal((4, 3)).astype(np.float32), random.standard_normal((5, 3)).astype(np.float32)
    wanted = [[float(np.linalg.norm(a - b)) for b in other] for a in one]
    assert np.allclose(distances(one, other), wanted, atol=1e-5)


def test_an_output_is_appended_as_a_graph_of_its_own() -> None:
    assert with_output(b"model", b"/out") == b"model" + b"\x3a\x08" + b"\x62\x06" + b"\x0a\x04" + b"/out"
