"""One task through every step that looks at one document at a time; what comes out lies in a folder of its own.

A task's folder appears whole or not at all, so a run that was killed goes on with the tasks that have none.
"""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from makar.curation.config import CurateConfig
from makar.curation.contamination import contamination
from makar.curation.corpus import frame_of
from makar.curation.language import language
from makar.curation.licence import licence
from makar.curation.minhash import BATCH_CHARS, NUM_BINS, signatures
from makar.curation.normalise import normalise
from makar.curation.personal_data import personal_data
from makar.curation.plan import Entry, Source
from makar.curation.quality import quality
from makar.curation.readers import read
from makar.curation.record import Dropped, Record
from makar.curation.shards import ShardWriter
from makar.curation.source import Drop
from makar.curation.splits import splits
from makar.kit.files import atomic_write

KEPT, DROPPED = "kept", "dropped"


@dataclass(frozen=True)
class Job:
    """What every task of a run shares. `spool`: the folder that the tasks' folders go into."""

    sources: tuple[Source, ...]
    config: CurateConfig
    spool: Path


def folder_of(spool: Path, number: int) -> Path:
    """Where task `number` lies once it is done."""
    return spool / f"task-{number:08d}"


def run(job: Job, number: int, entries: Sequence[Entry]) -> None:
    """Does one task; nothing when it was done before.

    Raises: NotHere, OutOfRoom, BadInput
    """
    done = folder_of(job.spool, number)
    if done.exists():
        return
    # A name of this process's own: a worker of a killed run may be at the same task for a moment more.
    partial = done.with_name(f".{done.name}.{os.getpid()}")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    spooler = _Spooler(partial)
    try:
        for record in through(job, entries, spooler.drop):
            spooler.keep(record, job.config.duplicates.shingle_words)
        spooler.sign(job.config.duplicates.shingle_words)
    finally:
        spooler.close()
    try:
        partial.rename(done)
    except OSError:
        if not done.exists():
            raise
        shutil.rmtree(partial, ignore_errors=True)


def through(job: Job, entries: Iterable[Entry], drop: Drop) -> Iterator[Record]:
    """The records of some files after every step."""
    for entry in entries:
        file = job.sources[entry.source].file(entry)
        config = job.config
        records = normalise(read(file, config.read, drop), config.normalise, drop)
        records = licence(records, config.licence, file, drop)
        records = quality(language(records, config.language, drop), config.quality, drop)
        records = personal_data(records, config.personal_data, drop)
        yield from splits(contamination(records, config.contamination, drop), config.splits)


class _Spooler:
    """Writes what a task makes: frames of what was kept and dropped, hashes, signatures, counts."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._kept, self._dropped = ShardWriter(folder, KEPT), ShardWriter(folder, DROPPED)
        self._hashes = (folder / "hashes").open("wb")
        self._ids = (folder / "ids").open("wb")
        self._signatures = (folder / "signatures").open("wb")
        self._waiting: list[str] = []
        self._waiting_chars = 0
        self._reasons: Counter[str] = Counter()

    def drop(self, record: Record, reason: str, rule: str) -> None:
        self._reasons[reason] += 1
        self._dropped.add(frame_of(Dropped(record.id, record.source, reason, rule, record.content, record.licence,
                                           record.language, record.lineage)))

    def keep(self, record: Record, shingle_words: int) -> None:
        self._kept.add(frame_of(record))
        self._hashes.write(bytes.fromhex(record.sha256))
        self._ids.write(record.id.encode())
        self._waiting.append(record.content)
        self._waiting_chars += len(record.content)
        if self._waiting_chars >= BATCH_CHARS:
            self.sign(shingle_words)

    def sign(self, shingle_words: int) -> None:
        """Signs the documents that wait for it."""
        self._signatures.write(signatures(self._waiting, shingle_words=shingle_words).astype("<u4").tobytes())
        self._waiting, self._waiting_chars = [], 0

    def close(self) -> None:
        for file in (self._hashes, self._ids, self._signatures):
            file.close()
        kept, dropped = self._kept.close(), self._dropped.close()
        atomic_write(self._folder / "counts.json",
                     json.dumps({"kept": kept.num_records, "dropped": dropped.num_records,
                                 "reasons": dict(sorted(self._reasons.items()))}))


def signature_rows(path: Path) -> np.ndarray:
    """The signatures that a task wrote.

    Shapes: (n, 128)
    """
    if path.stat().st_size == 0:
        return np.zeros((0, NUM_BINS), np.uint32)
    return np.memmap(path, "<u4", mode="r").reshape(-1, NUM_BINS)
