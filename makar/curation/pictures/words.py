"""The embeddings of a pack's phrases: a text model's states along their main directions, as small integers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from makar.codecs.pack import Words
from makar.codecs.prompts import reader
from makar.kit.files import atomic_writer
from makar.kit.progress import Progress

NUM_DIMS = 128
MOST_TOK = 16


@dataclass(frozen=True)
class Map:
    """How a reader's states become few and small numbers. Shapes: basis (states, dim), mean (states,), scale (dim,)"""

    reader: str
    basis: NDArray[np.float32]
    mean: NDArray[np.float32]
    scale: NDArray[np.float32]


def embed(told: Sequence[str], kept: Path, reader_name: str, like: Map | None = None) -> Words:
    """Embeds every phrase, at most 16 tokens of each; the states are kept at `kept`, so that this is done once.

    like: the map that a model was trained with, if it is to be trained on; else one is made for these phrases

    Raises: NotHere, NoNetwork, Damaged
    """
    if not kept.exists():
        _keep_states(told, kept, reader_name)
    with np.load(kept) as held:
        states, lengths = held["states"].astype(np.float32), held["lengths"]
    basis, mean = (like.basis, like.mean) if like else main_directions(states, min(NUM_DIMS, states.shape[1]))
    along = (states - mean) @ basis
    scale = like.scale if like else (np.quantile(np.abs(along), 0.999, axis=0) / 127 + 1e-9).astype(np.float32)
    starts = np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)
    return Words(tuple(told), np.clip(np.rint(along / scale), -127, 127).astype(np.int8), starts, basis, mean, scale)


def main_directions(states: NDArray[np.float32], num: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The directions along which the states vary most, and their mean.

    Shapes: states (N, D) -> (D, num), (D,)
    """
    mean = states.mean(0)
    _, vectors = np.linalg.eigh(np.cov(states - mean, rowvar=False))
    return np.ascontiguousarray(vectors[:, ::-1][:, :num], np.float32), mean.astype(np.float32)


def _keep_states(told: Sequence[str], kept: Path, reader_name: str) -> None:
    model = reader(reader_name)
    found = list[NDArray[np.float16]]()
    with Progress("embedding phrases", len(told)) as progress:
        for phrase in told:
            found.append(model.states(phrase)[:MOST_TOK].astype(np.float16))
            progress.advance(1)
    with atomic_writer(kept) as file:
        np.savez(file, states=np.concatenate(found), lengths=np.asarray([len(rows) for rows in found]))
