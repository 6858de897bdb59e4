"""One stamp, how it is spelled and how it is hashed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from makar.kit.config import canonical
from makar.kit.content import utf8
from makar.kit.errors import BadInput, LedgerBroken
from makar.kit.files import sha256_bytes

GENESIS = "0" * 64  # what the first stamp names as the one before it


@dataclass(frozen=True)
class Stamp:
    """An entry of the ledger. `id` is the SHA-256 of all its other fields in canonical JSON, `prev` included.

    contents: SHA-256 of the contents that came into the ledger with this stamp.
    """

    seq: int
    id: str
    kind: str
    at: str
    body: dict[str, Any]
    prev: str
    contents: tuple[str, ...] = ()


@dataclass(frozen=True)
class Report:
    """What a verification found. `head` is the id of the last stamp; `problems` is empty exactly when `ok`."""

    ok: bool
    num_stamps: int
    head: str
    problems: tuple[str, ...]


@dataclass(frozen=True)
class Row:
    """A stamp as the database holds it: the body still the exact text that was hashed."""

    seq: int
    id: str
    kind: str
    at: str
    body: str
    contents: str
    prev: str

    COLUMNS = "seq, id, kind, at, body, contents, prev"

    def spelled(self) -> str:
        """The canonical JSON that is hashed. Body and contents go in as they are: re-parsing could hide a change."""
        return (f'{{"at":{canonical(self.at)},"body":{self.body},"contents":{self.contents},'
                f'"kind":{canonical(self.kind)},"prev":{canonical(self.prev)},"seq":{self.seq}}}')

    def hash(self) -> str:
        """The id this row must have.

        Raises: BadInput (text that is not Unicode)
        """
        return sha256_bytes(utf8(self.spelled()))

    def stamp(self) -> Stamp:
        """The stamp with its body parsed, checked against its id.

        Raises: LedgerBroken (changed)
        """
        try:
            same = self.hash() == self.id
        except (TypeError, BadInput):  # columns of another type than was written, or no Unicode
            same = False
        if not same:
            raise LedgerBroken(f"stamp {self.seq} of the ledger was changed; `makar ledger verify` tells more")
        return Stamp(self.seq, self.id, self.kind, self.at, json.loads(self.body), self.prev,
                     tuple(json.loads(self.contents)))


def row(seq: int, kind: str, at: str, body: Mapping[str, Any], held: Sequence[str], prev: str) -> Row:
    """The row of a new stamp, its id computed.

    Raises: BadInput (a body that JSON cannot hold)
    """
    try:
        text = canonical(body)
    except (TypeError, ValueError) as error:
        raise BadInput(f"the body of a '{kind}' stamp cannot be recorded as JSON: {error}") from error
    unsigned = Row(seq, "", kind, at, text, canonical(list(held)), prev)
    return Row(seq, unsigned.hash(), kind, at, text, unsigned.contents, prev)


def mentioned(value: Any) -> set[str]:
    """Every text found anywhere in a body; of these, the ones that are hashes of contents are what the stamp holds."""
    if isinstance(value, str):
        return {value}
    if isinstance(value, Mapping):
        return set().union(*(mentioned(item) for item in value.values()))
    if isinstance(value, (list, tuple)):
        return set().union(*(mentioned(item) for item in value))
    return set()
