"""The passport of a document: what it says, where it is from, under which licence, and what was done to it."""

from __future__ import annotations

from dataclasses import dataclass

from makar.kit.files import sha256_bytes

UNKNOWN = "unknown"
SPLITS = ("train", "validation", "test")
ID_CHARS = 24


@dataclass(frozen=True)
class Record:
    """One document that was kept. `sha256` is that of `content` in UTF-8.

    licence: an SPDX expression, or "unknown"
    lineage: what was done to it, in order, each as `step:what`
    language: ISO 639-1, empty where it was not told
    kind: prose, code or data
    """

    id: str
    content: str
    source: str
    licence: str
    sha256: str
    lineage: tuple[str, ...]
    split: str = "train"
    language: str = ""
    kind: str = "prose"


@dataclass(frozen=True)
class Dropped:
    """One document that was not kept: by which step (`reason`), by which of its rules, and what it said.

    rule: the rule in words, with what it allows and what was found
    content: what it said when it was dropped; of what was too large or no text only the beginning
    """

    id: str
    source: str
    reason: str
    rule: str
    content: str
    licence: str = UNKNOWN
    language: str = ""
    lineage: tuple[str, ...] = ()


def id_of(source: str, content: str) -> str:
    """The id of a document as it was read: the same bytes in the same place have the same id in every corpus."""
    return sha256_bytes(f"{source}\0{content}".encode())[:ID_CHARS]
