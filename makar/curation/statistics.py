"""What a corpus holds, counted shard by shard and added up."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from makar.curation.bias import BiasCounts
from makar.curation.corpus import KEPT, record_of
from makar.curation.minhash import BATCH_CHARS
from makar.curation.personal_data import STEP as PERSONAL_DATA
from makar.curation.record import Record
from makar.curation.shards import Shard
from makar.curation.words import words_of
from makar.kit.files import atomic_write

COUNTED = ("licences", "languages", "kinds", "splits", "sources", "personal_data", "lengths", "licence_from")
_FOUND = re.compile(rf"{PERSONAL_DATA}:\w+ (?P<count>\d+) x (?P<label>.+)")


@dataclass
class Statistics:
    """Counts of documents, characters and words. `lengths`: documents by the power of two below their characters."""

    num_records: int = 0
    num_chars: int = 0
    num_words: int = 0
    counts: dict[str, Counter[str]] = field(default_factory=lambda: {name: Counter() for name in COUNTED})
    chars_by_licence: Counter[str] = field(default_factory=Counter)
    bias: BiasCounts = field(default_factory=BiasCounts)

    def add(self, record: Record) -> None:
        """Counts one document, its words apart."""
        self.num_records += 1
        self.num_chars += len(record.content)
        self.chars_by_licence[record.licence] += len(record.content)
        told = {"licences": record.licence, "languages": record.language or "not told", "kinds": record.kind,
                "splits": record.split, "sources": record.source.split("/")[0].split("#")[0],
                "lengths": str(max(1, len(record.content)).bit_length() - 1)}
        for name, value in told.items():
            self.counts[name][value] += 1
        for step in record.lineage:
            found = _FOUND.fullmatch(step)
            if found:
                self.counts["personal_data"][found["label"]] += int(found["count"])
            elif step.startswith("licence:"):
                self.counts["licence_from"][_from(step.removeprefix("licence:"))] += 1

    def plus(self, data: Mapping[str, Any]) -> None:
        """Adds what `as_json` gave."""
        self.num_records += data["num_records"]
        self.num_chars += data["num_chars"]
        self.num_words += data["num_words"]
        for name in COUNTED:
            self.counts[name].update(data["counts"][name])
        self.chars_by_licence.update(data["chars_by_licence"])
        self.bias.plus(data["bias"])

    def as_json(self) -> dict[str, Any]:
        """The counts as plain JSON."""
        return {"num_records": self.num_records, "num_chars": self.num_chars, "num_words": self.num_words,
                "counts": {name: dict(sorted(counter.items())) for name, counter in self.counts.items()},
                "chars_by_licence": dict(sorted(self.chars_by_licence.items())), "bias": self.bias.as_json()}


def _from(how: str) -> str:
    return how if how in ("field", "header", "stated", "unknown") else "licence file or package metadata"


def describe(records: Iterable[Record]) -> Statistics:
    """The statistics of some documents."""
    statistics = Statistics()
    waiting: list[Record] = []
    num_chars = 0
    for record in records:
        statistics.add(record)
        waiting.append(record)
        num_chars += len(record.content)
        if num_chars >= BATCH_CHARS:
            _count_words(statistics, waiting)
            waiting, num_chars = [], 0
    _count_words(statistics, waiting)
    return statistics


def _count_words(statistics: Statistics, records: list[Record]) -> None:
    statistics.num_words += len(words_of([record.content for record in records]).numbers)
    statistics.bias.add([record.content for record in records if record.kind == "prose" and record.language == "en"])


def describe_shard(corpus: Path, name: str, out: Path) -> None:
    """Writes the statistics of one shard as JSON; nothing when that was done before."""
    if not out.exists():
        shard = Shard(corpus / KEPT, name)
        statistics = describe(record_of(raw) for raw in shard.raws())
        atomic_write(out, json.dumps(statistics.as_json()))


def median_chars(shards: Iterable[Shard]) -> int:
    """The median length of a document, from the tables alone."""
    lengths = [np.asarray(shard.table["num_chars"]) for shard in shards]
    return int(np.median(np.concatenate(lengths))) if lengths else 0
