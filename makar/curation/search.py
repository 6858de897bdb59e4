"""Finding documents in a corpus: by what they say, by their id, by where they are from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from makar.curation.corpus import Corpus
from makar.curation.record import ID_CHARS, Dropped, Record
from makar.kit.errors import BadInput, NotHere

CONTEXT_CHARS = 60
_ID = re.compile(rf"[0-9a-fA-F]{{4,{ID_CHARS}}}")


@dataclass(frozen=True)
class Hit:
    """Characters [start, end) of a record, which are what was looked for."""

    record: Record
    start: int
    end: int

    def context(self) -> str:
        """What stands around it, on one line."""
        low, high = max(0, self.start - CONTEXT_CHARS), self.end + CONTEXT_CHARS
        return " ".join(self.record.content[low:high].split())


def search(corpus: Corpus, text: str, *, regex: bool = False, split: str | None = None) -> Iterator[Hit]:
    """The first place in each document that says `text`, in any case; `regex`: that matches it.

    Raises: BadInput
    """
    try:
        pattern = re.compile(text if regex else re.escape(text), re.IGNORECASE)
    except re.error as error:
        raise BadInput(f"'{text}' is no regular expression: {error}") from error
    for record in corpus.records(split):
        match = pattern.search(record.content)
        if match:
            yield Hit(record, match.start(), match.end())


def documents(corpus: Corpus, named: str) -> list[Record | Dropped]:
    """Kept and dropped documents by the beginning of their id, or by their source or the end of it.

    Raises: NotHere (no such document)
    """
    found: list[Record | Dropped] = []
    if _ID.fullmatch(named):
        found = [*corpus.find(named), *corpus.find_dropped(named)]
    if not found:
        found = [*(one for one in corpus.records() if _is_from(one.source, named)),
                 *(one for one in corpus.dropped() if _is_from(one.source, named))]
    if not found:
        raise NotHere(f"'{corpus.path}' has no document '{named}', neither kept nor dropped; name the beginning of an "
                      "id, or a file as the sources call it")
    return found


def _is_from(source: str, named: str) -> bool:
    whole = source.split("#")[0]
    return named in (source, whole) or source.endswith(f"/{named}") or whole.endswith(f"/{named}")
