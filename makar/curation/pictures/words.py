"""The embeddings of a pack's phrases: a text model's states along their main directions, as small integers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from makar.codecs.pack import Words
from makar.codecs.prompts import Prompts, reader
from makar.kit.files import atomic_writer
from makar.kit.progress import Progress

NUM_DIMS = 128
MOST_TOK = 16


def embed(told: Sequence[str], kept: Path, reader_name: str, like: Prompts | None = None) -> Words:
    """Embeds every phrase, at most 16 tokens of each; the states are kept at `kept`, so that this is done once.

    like: the map that a model was trained with, if it is to be trained on; else one is made for these phrases

    Raises: NotHere, NoNetwork, Damaged
    """
    if not kept.exists():
        _keep_states(told, kept, reader_name)
    with np.load(kept) as held:
        states, lengths = held["states"].astype(np.float32), held["lengths"]
    prompts = like or _fitted(states, reader_name)
    starts = np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)
    return Words(tuple(told), prompts.small(states), starts, prompts.basis, prompts.mean, prompts.scale)


def _fitted(states: NDArray[np.float32], reader_name: str) -> Prompts:
    basis, mean = main_directions(states, min(NUM_DIMS, states.shape[1]))
    scale = np.quantile(np.abs((states - mean) @ basis), 0.999, axis=0) / 127 + 1e-9
    return Prompts(reader_name, basis, mean, scale.astype(np.float32))


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
