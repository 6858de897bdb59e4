"""Documents as token files, and the rows of a step cut from them. A row depends on the seed and its number alone, so
a run that goes on after a kill reads what it would have read.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from makar.codecs.bpe import Tokenizer
from makar.kit.errors import BadInput, Damaged
from makar.kit.files import atomic_write, sha256_bytes, sha256_file
from makar.methods.autoregress.language import Fim
from makar.methods.autoregress.loss import NOT_LEARNED, around_a_gap

SHARD_TOK = 4_000_000
"""Tokens of a file, of four bytes each: no file has more than 16 MB."""
UNLEARNED = np.uint32(1 << 31)
"""Set on a token that is read but not learned."""
ID = np.uint32((1 << 31) - 1)


@dataclass(frozen=True)
class Example:
    """A document in tokens; `learned[i]` says whether the i-th is to be learned (None: all are, and that it ends)."""

    ids: Sequence[int]
    learned: Sequence[bool] | None = None


def write_tokens(folder: Path, name: str, examples: Iterable[Example], end_id: int, *, whole_tok: int = 0) -> int:
    """Lays the examples end to end, `end_id` after each, in files `name-00000.tok`; returns how many tokens.

    whole_tok: where not 0, the length of a row, into which an example that fits is put whole
    """
    pending: list[np.ndarray] = []
    shards: list[str] = []
    total = 0

    def flush(everything: bool) -> None:
        nonlocal pending
        joined = np.concatenate(pending) if pending else np.empty(0, np.uint32)
        while len(joined) >= SHARD_TOK or (everything and len(joined)):
            data = joined[:SHARD_TOK].astype("<u4").tobytes()
            atomic_write(folder / f"{name}-{len(shards):05}.tok", data)
            shards.append(sha256_bytes(data))
            joined = joined[SHARD_TOK:]
        pending = [joined]

    for example in examples:
        ids = _packed(example, end_id)
        if whole_tok and (left := -total % whole_tok) < len(ids) <= whole_tok:
            pending.append(np.full(left, UNLEARNED | np.uint32(end_id), np.uint32))
            total += left
        pending.append(ids)
        total += len(ids)
        if sum(map(len, pending)) >= SHARD_TOK:
            flush(False)
    if whole_tok:  # the last row has a target too
        pending.append(np.full(1, UNLEARNED | np.uint32(end_id), np.uint32))
        total += 1
    flush(True)
    atomic_write(folder / f"{name}.json", json.dumps({"num_tok": total, "sha256": shards}, indent=1))
    return total


def _packed(example: Example, end_id: int) -> np.ndarray:
    ids = np.asarray([*example.ids, end_id], np.uint32)
    if example.learned is not None:
        ids[~np.asarray([*example.learned, False], bool)] |= UNLEARNED
    return ids


def padded(example: Example, num_tok: int, end_id: int) -> Example:
    """The example with its end token filling exactly a row of `num_tok`."""
    left = num_tok - 1 - len(example.ids)
    learned = [True] * len(example.ids) if example.learned is None else example.learned
    return Example([*example.ids, *[end_id] * left], [*learned, *[False] * left])


class TokenFile:
    """The tokens of one split, memory-mapped. Raises: Damaged (a file whose bytes changed)"""

    def __init__(self, folder: Path, name: str) -> None:
        try:
            facts: dict[str, Any] = json.loads((folder / f"{name}.json").read_bytes())
            self.num_tok = int(facts["num_tok"])
            paths = [folder / f"{name}-{number:05}.tok" for number in range(len(facts["sha256"]))]
            for path, sha256 in zip(paths, facts["sha256"], strict=True):
                if sha256_file(path) != sha256:
                    raise Damaged(f"'{path}' was changed since the run began; begin the run again in another folder")
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise Damaged(f"the tokens in '{folder}' cannot be read ({error}); begin the run again in another "
                          "folder") from error
        self._shards = [np.memmap(path, dtype="<u4", mode="r") for path in paths]

    def read(self, start: int, end: int) -> np.ndarray:
        """Tokens [start, end) as they lie there. Shapes: (end - start,)"""
        parts = []
        for number in range(start // SHARD_TOK, -(-end // SHARD_TOK)):
            first = number * SHARD_TOK
            parts.append(self._shards[number][max(0, start - first):end - first])
        return np.concatenate(parts).astype(np.uint32)


@dataclass(frozen=True)
class Gaps:
    """How pieces of rows are rearranged around a gap."""

    tokenizer: Tokenizer
    fim: Fim
    frac: float
    end_id: int


class Rows:
    """Rows of `context_tok` inputs and targets, in an order shuffled anew in every epoch."""

    def __init__(self, tokens: TokenFile, context_tok: int, seed: int, *, whole: bool = False, group: int = 1,
                 gaps: Gaps | None = None) -> None:
        """group: how many rows that follow each other stay together. Raises: BadInput (less than one row)"""
        self._tokens, self._context, self._seed, self._whole, self._gaps = tokens, context_tok, seed, whole, gaps
        spare = 1 if whole else context_tok
        self._group = group
        self.num_rows = (tokens.num_tok - spare) // context_tok // group * group
        if self.num_rows < 1:
            raise BadInput(f"the data has {tokens.num_tok:,} tokens, which is less than two rows of {context_tok:,}; "
                           "give more data, or set data.context_tok lower")
        self._epoch, self._order, self._phase = -1, np.empty(0, np.int64), 0

    def batch(self, first: int, num_rows: int) -> tuple[np.ndarray, np.ndarray]:
        """The rows numbered from `first` since the run began. Shapes: inputs, targets (num_rows, context_tok)"""
        pairs = [self.row(serial) for serial in range(first, first + num_rows)]
        return np.stack([pair[0] for pair in pairs]), np.stack([pair[1] for pair in pairs])

    def row(self, serial: int) -> tuple[np.ndarray, np.ndarray]:
        """Inputs and targets of one row, `NOT_LEARNED` where nothing is to be learned."""
        epoch, within = divmod(serial, self.num_rows)
        if epoch != self._epoch:
            random = np.random.default_rng([self._seed, epoch])
            self._epoch, self._order = epoch, random.permutation(self.num_rows // self._group)
            self._phase = 0 if self._whole else int(random.integers(self._context))
        place, member = divmod(within, self._group)
        start = (int(self._order[place]) * self._group + member) * self._context + self._phase
        found = self._tokens.read(start, start + self._context + 1)
        if self._gaps is not None:
            found = self._with_gaps(found, self._gaps, Random(f"{self._seed}/{serial}"))
        return split_row(found)

    def in_order(self, num_rows: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """The first rows as they lie there, for validation, group by group. Shapes: (group, context_tok) each"""
        for first in range(0, min(num_rows, self.num_rows), self._group):
            pairs = [split_row(self._tokens.read(number * self._context, (number + 1) * self._context + 1))
                     for number in range(first, first + self._group)]
            yield np.stack([pair[0] for pair in pairs]), np.stack([pair[1] for pair in pairs])

    def _with_gaps(self, found: np.ndarray, gaps: Gaps, random: Random) -> np.ndarray:
        """Every piece of a document in the row is rearranged with probability `frac`; what then is too long is cut."""
        ids: list[int] = []
        for piece in np.split(found, np.flatnonzero(found == gaps.end_id) + 1):
            ends = bool(len(piece)) and piece[-1] == gaps.end_id
            body = piece[:-1] if ends else piece
            if len(body) > 8 and random.random() < gaps.frac:
                text = gaps.tokenizer.decode([int(id) for id in body])
                ids += around_a_gap(text.strip("\ufffd"), gaps.tokenizer.encode, gaps.fim, random)
                ids.append(gaps.end_id)
            else:
                ids += [int(id) for id in piece]
        filled = np.full(len(found), UNLEARNED | np.uint32(gaps.end_id), np.uint32)
        filled[:len(ids)] = ids[:len(found)]
        return filled


def split_row(found: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Inputs and targets of tokens as they lie in the files."""
    ids = (found & ID).astype(np.int64)
    targets = np.where(found[1:] >= UNLEARNED, NOT_LEARNED, ids[1:])
    return ids[:-1], targets
