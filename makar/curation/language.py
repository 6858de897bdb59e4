"""The language of prose, by py3langid on a sample from its middle; of code the programming language, by its suffix."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from makar.curation.record import Record
from makar.curation.source import Drop

_NOT_WORDS = re.compile(r"[\W\d_]+")
LEAST_LETTERS = 20


@dataclass(frozen=True)
class LanguageConfig:
    """`accept`: drop prose in other languages (ISO 639-1; empty: keep all). Below `least_prob` it counts as not told.

    Source: Lui & Baldwin 2012, langid.py
    """

    accept: tuple[str, ...] = ()
    least_prob: float = 0.5
    sample_chars: int = 400


def language(records: Iterable[Record], config: LanguageConfig, drop: Drop) -> Iterator[Record]:
    """Names each record's language; empty where it cannot be told."""
    for record in records:
        if record.kind == "code":
            yield record
            continue
        code, prob = told(record.content, config)
        known = replace(record, language=code)
        if config.accept and code not in config.accept:
            drop(known, "language", f"'{code or 'not told'}' (probability {prob:.2f}) is not among those accepted: "
                                    f"{', '.join(config.accept)}")
        else:
            yield known


def told(text: str, config: LanguageConfig) -> tuple[str, float]:
    """(ISO 639-1 code or "", probability)"""
    start = max(0, (len(text) - 4 * config.sample_chars) // 2)
    words = _NOT_WORDS.sub(" ", text[start:start + 4 * config.sample_chars])[:config.sample_chars]
    if len(words.strip()) < LEAST_LETTERS:
        return "", 0.0
    code, prob = _identifier().classify(words)
    return (str(code), float(prob)) if prob >= config.least_prob else ("", float(prob))


@functools.cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # reads a file when imported

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
