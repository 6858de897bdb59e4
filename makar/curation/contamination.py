"""Documents that hold parts of a test that models are measured by: a model that saw the test is measured wrongly.

Source: Brown et al. 2020 (arXiv:2005.14165), appendix C: runs of 13 words; of shorter texts all their words, from 8 on
"""

from __future__ import annotations

import csv
import functools
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from makar.curation.record import Record
from makar.curation.source import Drop
from makar.curation.words import Numbers, words_of
from makar.kit.errors import BadInput
from makar.kit.files import read_text, sha256_bytes

MOST_SET_BYTES = 500_000_000
STEP = "contamination"


@dataclass(frozen=True)
class ContaminationConfig:
    """`sets`: files of the evaluations to keep out (JSON lines, CSV or text). A document that shares at least
    `least_runs` runs of `run_words` words with one is dropped; shorter items count from `least_words` words on.
    """

    sets: tuple[str, ...] = ()
    run_words: int = 13
    least_words: int = 8
    least_runs: int = 1


@dataclass(frozen=True)
class EvaluationSet:
    """The runs of one evaluation, by their length in words. `num_short`: texts too short to be looked for."""

    name: str
    sha256: str
    runs: Mapping[int, Numbers]
    num_texts: int
    num_short: int


def contamination(records: Iterable[Record], config: ContaminationConfig, drop: Drop) -> Iterator[Record]:
    """The records that hold none of the evaluations."""
    sets = evaluation_sets(config)
    for record in records:
        found = _found(record, sets, config) if sets else ""
        if found:
            drop(record, STEP, found)
        else:
            yield record


def _found(record: Record, sets: tuple[EvaluationSet, ...], config: ContaminationConfig) -> str:
    words = words_of([record.content])
    runs = {size: words.shingles(size)[0] for size in {size for one in sets for size in one.runs}}
    for one in sets:
        num = sum(_num_known(runs[size], known) for size, known in one.runs.items())
        if num >= config.least_runs:
            return (f"{num} runs of words are also in '{one.name}' ({config.run_words} words, or all of a shorter "
                    f"item); expected fewer than {config.least_runs}")
    return ""


def _num_known(runs: Numbers, known: Numbers) -> int:
    places = np.minimum(np.searchsorted(known, runs), len(known) - 1)
    return int((known[places] == runs).sum())


@functools.lru_cache(maxsize=4)
def evaluation_sets(config: ContaminationConfig) -> tuple[EvaluationSet, ...]:
    """The sets of a configuration, read and hashed.

    Raises: NotHere, BadInput
    """
    return tuple(_read_set(Path(path), config) for path in config.sets)


def _read_set(path: Path, config: ContaminationConfig) -> EvaluationSet:
    text = read_text(path, limit_bytes=MOST_SET_BYTES)
    texts = [item for item in _texts(path, text) if item.strip()]
    if not texts:
        raise BadInput(f"the evaluation set '{path}' holds no text; name a file of JSON lines, CSV or plain text")
    words = words_of(texts)
    counts = np.bincount(words.texts, minlength=len(texts))
    sizes = {config.run_words, *range(config.least_words, config.run_words)}
    found: dict[int, Numbers] = {}
    for size in sorted(sizes):
        runs, owners = words.shingles(size)
        if size < config.run_words:
            runs = runs[counts[owners] == size]
        if len(runs):
            found[size] = np.unique(runs)
    return EvaluationSet(path.stem, sha256_bytes(text.encode()), found, len(texts),
                         int((counts < config.least_words).sum()))


def _texts(path: Path, text: str) -> Iterator[str]:
    suffix = path.suffix.lower()
    try:
        if suffix in (".jsonl", ".ndjson"):
            for line in text.splitlines():
                if line.strip():
                    yield from _strings(json.loads(line))
        elif suffix in (".csv", ".tsv"):
            for row in csv.reader(text.splitlines(), delimiter="\t" if suffix == ".tsv" else ","):
                yield from row
        else:
            yield from text.split("\n\n")
    except (ValueError, csv.Error) as error:
        raise BadInput(f"the evaluation set '{path}' cannot be read: {error}") from error


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
