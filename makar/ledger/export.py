"""The ledger as a file of JSON lines that anyone can check with a SHA-256 and a JSON reader."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from makar.kit.config import canonical
from makar.kit.files import atomic_writer

if TYPE_CHECKING:
    from makar.ledger.chain import Ledger


def export(ledger: Ledger, path: Path) -> int:
    """Writes each stamp as `{"id": ..., "stamp": {...}}`, before it the contents it brought; returns how many stamps.

    The id is the SHA-256 of the stamp's value in canonical JSON (sorted keys, no spaces). A content is
    `{"sha256": ..., "text": ...}`, or `base64` where it is not UTF-8.

    Raises: OutOfRoom, BadInput, LedgerBroken
    """
    num_stamps = 0
    with atomic_writer(path) as file:
        for line, is_stamp in _lines(ledger):
            file.write(line.encode() + b"\n")
            num_stamps += is_stamp
    return num_stamps


def _lines(ledger: Ledger) -> Iterator[tuple[str, bool]]:
    written: set[str] = set()
    for stamp in ledger.stamps():
        for name in stamp.contents:
            if name not in written:
                written.add(name)
                yield canonical({"sha256": name, **_spelled(ledger.content(name))}), False
        fields = {"seq": stamp.seq, "kind": stamp.kind, "at": stamp.at, "body": stamp.body, "prev": stamp.prev,
                  "contents": stamp.contents}
        yield canonical({"id": stamp.id, "stamp": fields}), True


def _spelled(data: bytes) -> dict[str, str]:
    try:
        return {"text": data.decode()}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode()}
