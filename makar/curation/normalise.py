"""One spelling for each text: NFC, one kind of line end, no control characters, no blank ends."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from makar.curation.record import Record
from makar.curation.source import Drop
from makar.kit.files import sha256_bytes


@dataclass(frozen=True)
class NormaliseConfig:
    """`part_chars`: prose that is longer is divided where paragraphs, lines, sentences or words end, in this order (0:
    never); code is left whole.
    """

    part_chars: int = 20_000


_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f\ufeff\ufffe\uffff]")
_LINE_ENDS = re.compile(r"\r\n?|[\u2028\u0085]")
_PARAGRAPH_ENDS = re.compile(r"\u2029|\f")
_BLANK_ENDS = re.compile(r"[ \t\u00a0]+$", re.MULTILINE)
_BLANK_LINES = re.compile(r"\n{4,}")
_BREAKS = (re.compile(r"\n\s*\n"), re.compile(r"\n"), re.compile(r"(?<=[.!?。！？])\s*"), re.compile(r"\s"))


def normalise(records: Iterable[Record], config: NormaliseConfig, drop: Drop) -> Iterator[Record]:
    """Each record in its one spelling, long prose in parts; what is then empty is dropped."""
    for record in records:
        text = plain(record.content, code=record.kind == "code")
        if not text.strip():
            drop(record, "empty", "nothing but blanks")
            continue
        if text != record.content:
            record = _with(record, text, "normalise")
        if record.kind == "code" or not config.part_chars or len(text) <= config.part_chars:
            yield record
        else:
            for number, part in enumerate(parts(text, config.part_chars), 1):
                yield replace(_with(record, part, f"part:{number}"), source=f"{record.source}#part={number}",
                              id=sha256_bytes(f"{record.id}\0{number}".encode())[:len(record.id)])


def _with(record: Record, text: str, step: str) -> Record:
    return replace(record, content=text, sha256=sha256_bytes(text.encode()), lineage=(*record.lineage, step))


def plain(text: str, *, code: bool = False) -> str:
    """The one spelling of a text. Code keeps its characters: only its line ends change."""
    text = _LINE_ENDS.sub("\n", text)
    if code:
        return text.removeprefix("\ufeff")
    text = _PARAGRAPH_ENDS.sub("\n\n", text)
    text = _CONTROLS.sub("", unicodedata.normalize("NFC", text))
    text = _BLANK_LINES.sub("\n\n\n", _BLANK_ENDS.sub("", text))
    return text.strip("\n") + "\n" if "\n" in text.strip("\n") else text.strip("\n")


def parts(text: str, most_chars: int) -> Iterator[str]:
    """A text in parts of at most `most_chars`, none shorter than half of that but the last."""
    start = 0
    while len(text) - start > most_chars:
        end = _end(text, start, most_chars)
        yield text[start:end].strip("\n")
        start = end
    rest = text[start:].strip("\n")
    if rest.strip():
        yield rest


def _end(text: str, start: int, most_chars: int) -> int:
    low, high = start + most_chars // 2, start + most_chars
    for pattern in _BREAKS:
        found = [match.end() for match in pattern.finditer(text, low, high)]
        if found:
            return found[-1]
    return high
