"""Which documents are held out, by the hash of what they say: a document is in the same split of every corpus."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from makar.curation.record import Record
from makar.kit.errors import BadInput
from makar.kit.files import sha256_bytes


@dataclass(frozen=True)
class SplitsConfig:
    """The shares that are held out; another `salt` holds out others."""

    validation_frac: float = 0.01
    test_frac: float = 0.0
    salt: str = ""

    def __post_init__(self) -> None:
        if min(self.validation_frac, self.test_frac) < 0 or self.validation_frac + self.test_frac > 1:
            raise BadInput(f"splits: expected shares of 0 or more that add up to at most 1, got validation_frac "
                           f"{self.validation_frac:g} and test_frac {self.test_frac:g}")


def splits(records: Iterable[Record], config: SplitsConfig) -> Iterator[Record]:
    """Puts each record into its split."""
    for record in records:
        place = int(sha256_bytes(f"{config.salt}\0{record.sha256}".encode())[:13], 16) / 16**13
        if place < config.validation_frac:
            yield replace(record, split="validation")
        elif place < config.validation_frac + config.test_frac:
            yield replace(record, split="test")
        else:
            yield record
