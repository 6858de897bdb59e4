"""What leaves, and what is raised when a work does not."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import InitVar, dataclass
from pathlib import Path
from typing import Any, NoReturn

from makar.kit.content import Content, data_of, text_of
from makar.kit.errors import Stopped
from makar.kit.files import atomic_write
from makar.provenance.leave import Leaving, leave

_KEY = object()  # held by `seal.py` alone


@dataclass(frozen=True, slots=True)
class Released:
    """A work that was checked, decided upon and stamped. Only `makar.provenance.seal` makes one; no copies, no pickles.

    content: what may leave, masked where the policy masks: text, or the bytes of a file
    manifest: the record as canonical JSON; `record` is the same, parsed
    """

    content: Content
    manifest: str
    key: InitVar[object]

    def __post_init__(self, key: object) -> None:
        if key is not _KEY:
            raise TypeError("only the seal makes a Released: let a verb make the work, or hand an artifact to "
                            "makar.provenance.work.submit")

    @property
    def record(self) -> dict[str, Any]:
        """Where the work came from and who let it through; a fresh copy each time, so the work's own cannot change."""
        parsed: dict[str, Any] = json.loads(self.manifest)
        return parsed

    @property
    def id(self) -> str:
        """The work's id, under which the ledger knows it."""
        return str(self.record["work"])

    @property
    def text(self) -> str:
        """The content of a text."""
        return text_of(self.content)

    @property
    def data(self) -> bytes:
        """The bytes that are hashed and signed."""
        return data_of(self.content)

    def save(self, path: str | Path, *, record: bool = False, sign: bool | None = None,
             embed: bool = False, in_place: bool = False, parents: Sequence[str | Path] = ()) -> Path:
        """Writes the content whole or not at all and signs it; returns the path. With `record` also PATH.record.json.

        sign: None as the policy says, which signs if it says nothing. The signature of a text lies in PATH.c2pa, or
        with `embed` in the text itself, as invisible characters.
        in_place: over the file that it was made from; its mode and byte order mark stay
        parents: files it was made from; their own signatures go into this one

        Raises: OutOfRoom, BadInput (a text that cannot hold a signature), NoNetwork (no time stamp), Damaged (the key)
        """
        path = Path(path)
        leave(self.data, self.record, path,
              Leaving(sign, embed, in_place, [Path(parent) for parent in parents]))
        if record:
            written = json.dumps(self.record, indent=2, ensure_ascii=False)
            atomic_write(path.with_name(f"{path.name}.record.json"), f"{written}\n")
        return path

    def __str__(self) -> str:
        return self.content if isinstance(self.content, str) else repr(self)

    def __repr__(self) -> str:
        if isinstance(self.content, bytes):
            return f"Released({self.record['media_type']}, {len(self.content):,} bytes, id={self.id!r})"
        return f"Released({self.content[:60]!r}{'...' if len(self.content) > 60 else ''}, id={self.id!r})"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a Released cannot be copied or pickled; save it, or pass its id and look it up in the ledger")


class Withheld(Stopped):
    """A work that was held for a person or refused. Its content stays in the ledger, under `id`, with the reasons."""

    def __init__(self, action: str, reasons: list[str], record: Mapping[str, Any]) -> None:
        self.action, self.reasons, self.record = action, list(reasons), dict(record)
        self.id = str(record["work"])
        what, then = (("held for review", f"see it with: makar review show {self.id}") if action == "hold" else
                      ("refused", f"it is kept; see it with: makar ledger show {self.id}"))
        super().__init__(f"{what}: {'; '.join(self.reasons)}. Nothing of it is released; {then}")


def none_left(withheld: Sequence[Withheld]) -> Withheld:
    """What to raise where all of several candidates were withheld: the first that a person may still let out, with the
    reasons of all.
    """
    first = next((one for one in withheld if one.action == "hold"), withheld[0])
    if len(withheld) == 1:
        return first
    reasons = [f"answer {number}: {reason}" for number, one in enumerate(withheld, 1) for reason in one.reasons]
    return Withheld(first.action, reasons, first.record)
