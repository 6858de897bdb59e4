"""Every release's fingerprint and mark in one array, to be searched whole: a million of them take milliseconds.

The shelf is a file beside the ledger, made from its release stamps and made again whenever it does not fit them. What
is found is looked up in the ledger, so a shelf that somebody changed can hide a release but not invent one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from makar.kit.errors import BadInput, OutOfRoom
from makar.kit.files import atomic_write, sha256_bytes
from makar.ledger import Ledger, Stamp

ROW = np.dtype([("seq", "<u8"), ("scheme", "<u8"), ("content", "<u8"), ("mark", "<u8"), ("bits", "<u8", (4,))])
KEEP_AT = 256  # new rows are written down once there are so many
_CHUNK = 1 << 15  # rows at a time, so that what is worked on stays in the cache


@dataclass(frozen=True)
class Near:
    """A release that is near. `num_bits` of 256 differ; 0 with `same` means the same bytes."""

    stamp: Stamp
    num_bits: int
    same: bool


class Shelf:
    """The fingerprints of a ledger's releases, as of when it was opened."""

    def __init__(self, rows: Any) -> None:
        self._seqs, self._schemes, self._contents, self._marks = (
            np.ascontiguousarray(rows[name]) for name in ("seq", "scheme", "content", "mark"))
        self._words = [np.ascontiguousarray(rows["bits"][:, word]) for word in range(4)]

    @classmethod
    def nothing(cls) -> Shelf:
        """A shelf without a fingerprint."""
        return cls(np.zeros(0, ROW))

    def __len__(self) -> int:
        return len(self._seqs)

    def same(self, sha256: str) -> list[int]:
        """Numbers of the release stamps whose content may have that hash, the newest last."""
        return [int(seq) for seq in self._seqs[self._contents == np.uint64(int(sha256[:16], 16))]]

    def marked(self, mark: Mapping[str, str]) -> list[int]:
        """Numbers of the release stamps that may carry that mark, the newest last."""
        return [int(seq) for seq in self._seqs[self._marks == np.uint64(_mark_number(mark))]]

    def nearest(self, scheme: str, bits: bytes) -> tuple[int, int] | None:
        """The number of the release stamp whose bits differ least, and in how many; None where there is none."""
        wanted = np.frombuffer(bits, "<u8")
        best = (-1, 257)
        for start in range(0, len(self), _CHUNK):
            part = slice(start, start + _CHUNK)
            apart = np.zeros(len(self._seqs[part]), np.uint16)
            for words, word in zip(self._words, wanted, strict=True):
                apart += np.bitwise_count(words[part] ^ word)
            apart[self._schemes[part] != _number(scheme)] = 512
            least = int(apart.argmin())
            if apart[least] < best[1]:
                best = (start + least, int(apart[least]))
        return None if best[0] < 0 else (int(self._seqs[best[0]]), best[1])


def shelf_path(ledger: Path) -> Path:
    """Where the shelf of the ledger at that path lies."""
    return ledger.with_name(f"{ledger.name}-shelf-2")


def open_shelf(ledger: Ledger) -> Shelf:
    """The shelf of a ledger, brought up to its last release."""
    kept = _kept(shelf_path(ledger.path))
    if len(kept) and not _fits(ledger, kept[-1]):
        kept = kept[:0]
    since = int(kept["seq"][-1]) if len(kept) else 0
    new = np.array(list(_rows(ledger, since)), dtype=ROW)
    rows = np.concatenate((kept, new))
    if len(new) >= KEEP_AT:
        # In a folder that may only be read, or on a full disk, the next look-up has to read the stamps again.
        with suppress(OutOfRoom, BadInput):
            atomic_write(shelf_path(ledger.path), rows.tobytes())
    return Shelf(rows)


def find(ledger: Ledger, shelf: Shelf, sha256: str, print_: dict[str, str] | None) -> Near | None:
    """The release with the same bytes, else the nearest by its fingerprint; as the ledger has it."""
    for seq in reversed(shelf.same(sha256)):
        stamp = _stamp(ledger, seq)
        if stamp is not None and stamp.body.get("content") == sha256:
            return Near(stamp, 0, True)
    found = None if print_ is None else shelf.nearest(print_["scheme"], bytes.fromhex(print_["bits"]))
    if found is None or print_ is None:
        return None
    stamp = _stamp(ledger, found[0])
    told = None if stamp is None else stamp.body.get("fingerprint")
    if stamp is None or not told:
        return None
    return Near(stamp, (int(told["bits"], 16) ^ int(print_["bits"], 16)).bit_count(), False)


def find_marked(ledger: Ledger, shelf: Shelf, mark: Mapping[str, str]) -> Stamp | None:
    """The newest release that carries the mark with that scheme, key and payload; as the ledger has it."""
    for seq in reversed(shelf.marked(mark)):
        stamp = _stamp(ledger, seq)
        if stamp is not None and stamp.body.get("mark") == dict(mark):
            return stamp
    return None


def _kept(path: Path) -> Any:
    try:
        data = path.read_bytes()
    except OSError:
        return np.zeros(0, ROW)
    return np.frombuffer(data[:len(data) // ROW.itemsize * ROW.itemsize], ROW)


def _rows(ledger: Ledger, since_seq: int) -> Iterator[tuple[int, int, int, int, Any]]:
    for stamp in ledger.stamps("release", since_seq):
        yield _row(stamp)


def _row(stamp: Stamp) -> tuple[int, int, int, int, Any]:
    told = stamp.body.get("fingerprint") or {"scheme": "", "bits": "00" * 32}
    return (stamp.seq, _number(told["scheme"]), int(str(stamp.body["content"])[:16], 16),
            _mark_number(stamp.body.get("mark") or {}), np.frombuffer(bytes.fromhex(told["bits"]), "<u8"))


def _number(scheme: str) -> int:
    return int(sha256_bytes(scheme.encode())[:15], 16)


def _mark_number(mark: Mapping[str, str]) -> int:
    """0 for a mark without a payload, which tells no work from another."""
    return _number(f"{mark['scheme']} {mark['key']} {mark['payload']}") if "payload" in mark else 0


def _fits(ledger: Ledger, row: Any) -> bool:
    stamp = _stamp(ledger, int(row["seq"]))
    return stamp is not None and np.array([_row(stamp)], dtype=ROW)[0].tobytes() == row.tobytes()


def _stamp(ledger: Ledger, seq: int) -> Stamp | None:
    found = next(ledger.stamps("release", seq - 1, limit=1), None)
    return found if found is not None and found.seq == seq else None
