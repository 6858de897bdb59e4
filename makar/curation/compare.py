"""What changed from one corpus to another: settings, and documents that came, went, or were dropped by another rule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from makar.curation.corpus import Corpus, record_of
from makar.curation.record import Record


@dataclass(frozen=True)
class Change:
    """A setting that is not the same."""

    setting: str
    left: Any
    right: Any


@dataclass(frozen=True)
class Moved:
    """A document that only one corpus kept. `why`: what the other says of it, empty where it never saw it."""

    record: Record
    why: str


def changes(left: Corpus, right: Corpus) -> list[Change]:
    """The settings that differ, by dotted path."""
    ours, theirs = dict(_flat(left.config)), dict(_flat(right.config))
    return [Change(name, ours.get(name), theirs.get(name)) for name in sorted({*ours, *theirs})
            if ours.get(name) != theirs.get(name)]


def only_in(corpus: Corpus, other: Corpus) -> Iterator[Moved]:
    """The documents that `corpus` kept and `other` did not, in order. Only the tables are compared."""
    known = np.unique(np.concatenate([np.zeros(0, np.uint64), *(shard.table["id"] for shard in other.shards)]))
    for shard in corpus.shards:
        for index in np.flatnonzero(~np.isin(shard.table["id"], known)):
            record = record_of(shard.raw(int(index)))
            dropped = next(other.find_dropped(record.id), None)
            yield Moved(record, f"{dropped.reason}: {dropped.rule}" if dropped else "")


def num_only_in(corpus: Corpus, other: Corpus) -> int:
    """How many documents `corpus` kept and `other` did not."""
    known = np.unique(np.concatenate([np.zeros(0, np.uint64), *(shard.table["id"] for shard in other.shards)]))
    return sum(int((~np.isin(shard.table["id"], known)).sum()) for shard in corpus.shards)


def _flat(config: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(config, Mapping):
        for key, value in config.items():
            yield from _flat(value, f"{path}.{key}" if path else str(key))
    else:
        yield path, config
