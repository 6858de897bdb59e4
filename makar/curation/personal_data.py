"""Personal data in what is to be learnt from: masked, or the document dropped. The patterns are those of the check."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from makar.curation.record import Record
from makar.curation.source import Drop
from makar.kit.files import sha256_bytes
from makar.kit.span import Span
from makar.patterns.personal_data import find_personal_data

STEP = "personal_data"


@dataclass(frozen=True)
class PersonalDataConfig:
    """`action`: `mask` puts the kind in its place, `drop` leaves the document out, `keep` only counts."""

    action: Literal["mask", "drop", "keep"] = "mask"


def personal_data(records: Iterable[Record], config: PersonalDataConfig, drop: Drop) -> Iterator[Record]:
    """Each record without personal data, or with it counted. What is dropped is kept masked as well."""
    for record in records:
        spans = find_personal_data(record.content)
        if not spans:
            yield record
            continue
        counts = Counter(span.label for span in spans)
        found = tuple(f"{STEP}:{config.action} {count} x {label}" for label, count in sorted(counts.items()))
        text = record.content if config.action == "keep" else masked(record.content, spans)
        changed = replace(record, content=text, sha256=sha256_bytes(text.encode()), lineage=(*record.lineage, *found))
        if config.action == "drop":
            drop(changed, STEP, "found " + ", ".join(f"{count} x {label}" for label, count in sorted(counts.items())))
        else:
            yield changed


def masked(text: str, spans: Sequence[Span]) -> str:
    """The text with the kind of each span in its place."""
    parts, end = [], 0
    for span in spans:
        parts += [text[end:span.start], f"<{span.label}>"]
        end = span.end
    return "".join([*parts, text[end:]])
