"""The tasks' folders become one corpus: duplicates are left out, the rest is copied in the order of the plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from makar.curation.corpus import CorpusWriter, dropped_of, record_of
from makar.curation.duplicates import DuplicatesConfig, Indices, exact_duplicates, near_duplicates
from makar.curation.record import ID_CHARS, Dropped
from makar.curation.shards import Frame, Shard
from makar.curation.task import DROPPED, KEPT, folder_of, signature_rows
from makar.kit.files import disk_errors

EXACT, NEAR, QUALITY = "exact_duplicate", "near_duplicate", "quality"
_DIGEST_BYTES = 32


@dataclass(frozen=True)
class Fates:
    """For each document that passed its steps: the one that it repeats, or -1; how much; and what each is called."""

    exact: Indices
    near: Indices
    shares: Any
    ids: Any

    def id_of(self, index: int) -> str:
        """The id of a document by its place."""
        return bytes(self.ids[index]).decode()

    def drop(self, index: int, config: DuplicatesConfig) -> tuple[str, str] | None:
        """(reason, rule) of a duplicate, None of what is kept."""
        if self.exact[index] >= 0:
            return EXACT, f"the same text as {self.id_of(self.exact[index])}"
        if self.near[index] >= 0:
            share = float(self.shares[index])
            said = (f"{share:.2f} of its runs of {config.shingle_words} words are those of "
                    f"{self.id_of(self.near[index])}, by estimate; expected less than {config.threshold:g}")
            return NEAR, said if share else f"joined by near duplicates to {self.id_of(self.near[index])}"
        return None


def merge(spool: Path, num_tasks: int, writer: CorpusWriter, config: DuplicatesConfig) -> dict[str, Any]:
    """Writes every task's documents; returns the counts.

    Raises: OutOfRoom
    """
    fates = _fates(spool, num_tasks, config)
    reasons: Counter[str] = Counter()
    rules: Counter[str] = Counter()
    num_kept = index = 0
    for number in range(num_tasks):
        folder = folder_of(spool, number)
        for frame, dropped in _dropped(Shard(folder, DROPPED)):
            reasons[dropped.reason] += 1
            if dropped.reason == QUALITY:
                rules[dropped.rule.split(":")[0]] += 1
            writer.drop_frame(frame)
        kept = Shard(folder, KEPT)
        for place in range(len(kept)):
            fate = fates.drop(index, config)
            if fate is None:
                writer.keep_frame(replace(kept.frame(place), id=fates.id_of(index)))
                num_kept += 1
            else:
                reasons[fate[0]] += 1
                record = record_of(kept.raw(place))
                writer.drop(Dropped(record.id, record.source, *fate, record.content, record.licence, record.language,
                                    record.lineage))
            index += 1
    return {"read": num_kept + reasons.total(), "kept": num_kept, "dropped": dict(sorted(reasons.items())),
            "quality_rules": dict(sorted(rules.items()))}


def _dropped(shard: Shard) -> Iterator[tuple[Frame, Dropped]]:
    for place in range(len(shard)):
        dropped = dropped_of(shard.raw(place))
        yield replace(shard.frame(place), id=dropped.id), dropped


def _fates(spool: Path, num_tasks: int, config: DuplicatesConfig) -> Fates:
    folders = [folder_of(spool, number) for number in range(num_tasks)]
    hashes = np.frombuffer(b"".join((folder / "hashes").read_bytes() for folder in folders), np.uint8)
    hashes = hashes.reshape(-1, _DIGEST_BYTES)
    ids = np.frombuffer(b"".join((folder / "ids").read_bytes() for folder in folders), f"S{ID_CHARS}")
    exact = exact_duplicates(hashes)
    first = np.flatnonzero(exact < 0)
    signatures = _gathered(spool, folders, exact)
    twins, shares = near_duplicates(signatures, config)
    near, all_shares = np.full(len(exact), -1, np.int64), np.zeros(len(exact), np.float32)
    near[first] = np.where(twins >= 0, first[twins], -1) if len(first) else twins
    all_shares[first] = shares
    return Fates(exact, near, all_shares, ids)


def _gathered(spool: Path, folders: list[Path], exact: Indices) -> Any:
    """The signatures of all documents but exact duplicates, in one file that is mapped into memory."""
    path, start = spool / "signatures", 0
    with disk_errors(path), path.open("wb") as file:
        for folder in folders:
            rows = signature_rows(folder / "signatures")
            file.write(np.ascontiguousarray(rows[exact[start:start + len(rows)] < 0]).tobytes())
            start += len(rows)
    return signature_rows(path)
