"""How good pictures are, as numbers: over features of pictures and over their pixels at a glance."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
NUM_DIRECTIONS = 48
NUM_NEIGHBOURS = 3


def ranks(asked: Floats, gallery: Floats) -> NDArray[np.int64]:
    """How many pictures of the gallery are nearer to picture k than the gallery's own k, by the cosine of features that
    are standardised over the gallery.

    Shapes: asked, gallery (N, F) -> (N,)
    """
    mean, spread = gallery.mean(0), gallery.std(0) + 1e-6
    one, other = (_unit((part - mean) / spread) for part in (asked, gallery))
    cosines = one @ other.T
    found: NDArray[np.int64] = (cosines > np.diag(cosines)[:, None]).sum(1)
    return found


def frechet(real: Floats, made: Floats) -> float:
    """The Fréchet distance between two normal distributions, along the main directions of the real features.

    Shapes: real (N, F), made (M, F)
    Source: Heusel et al. 2017, arXiv:1706.08500, eq. 6
    """
    mean = real.mean(0)
    directions = np.linalg.svd(real - mean, full_matrices=False)[2][:NUM_DIRECTIONS].T
    one, other = (real - mean) @ directions, (made - mean) @ directions
    cov_one, cov_other = (np.atleast_2d(np.cov(part, rowvar=False)).astype(np.float64) for part in (one, other))
    values, vectors = np.linalg.eigh(cov_one)
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    shared = np.sqrt(np.linalg.eigvalsh(root @ cov_other @ root).clip(0)).sum()
    apart = float(((one.mean(0) - other.mean(0)) ** 2).sum())
    return apart + float(np.trace(cov_one) + np.trace(cov_other) - 2 * shared)


def precision(real: Floats, made: Floats) -> NDArray[np.bool_]:
    """Which made pictures lie within reach of a real one: nearer than that one's third neighbour. With the arguments
    changed over it is the recall.

    Shapes: real (N, F), made (M, F) -> (M,)
    Source: Kynkäänniemi et al. 2019, arXiv:1904.06991, eqs. 1 and 2
    """
    within = np.sort(distances(real, real), 1)[:, min(NUM_NEIGHBOURS, len(real) - 1)]
    found: NDArray[np.bool_] = np.asarray((distances(made, real) <= within).any(1), np.bool_)
    return found


def distances(one: Floats, other: Floats) -> NDArray[np.float64]:
    """Shapes: (N, F), (M, F) -> (N, M)"""
    a, b = one.astype(np.float64), other.astype(np.float64)
    squares = (a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T
    found: NDArray[np.float64] = np.sqrt(squares.clip(0))
    return found


def _unit(rows: Floats) -> Floats:
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
