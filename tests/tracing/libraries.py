"""Texts to index: words drawn at random, so that nothing is in two documents by chance."""

from __future__ import annotations

import random
import string
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from makar.curation.corpus import Account, CorpusWriter
from makar.curation.record import Dropped, Record, id_of
from makar.kit.files import sha256_bytes

_DRAW = random.Random(20)
VOCABULARY = sorted({"".join(_DRAW.choices(string.ascii_lowercase, k=_DRAW.randint(2, 9))) for _ in range(900)})


def prose(seed: int, num_words: int) -> str:
    """Sentences of drawn words, in lines."""
    draw = random.Random(seed)
    words = [draw.choice(VOCABULARY) + draw.choices(["", ",", ".", "\n"], [8, 1, 1, 2])[0] for _ in range(num_words)]
    return " ".join(words)


def tokens(text: str, start: int, count: int) -> str:
    """`count` words of a text, spaced and broken into lines as they are there."""
    words = text.split(" ")
    return " ".join(words[start:start + count])


def library(folder: Path, num_documents: int = 12, num_words: int = 1500) -> dict[str, str]:
    """Writes documents into a folder; returns them by name."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = {f"book{number:02}.txt": prose(number, num_words) for number in range(num_documents)}
    for name, text in texts.items():
        (folder / name).write_text(text)
    return texts


def corpus(folder: Path, texts: dict[str, str], dropped: Sequence[Dropped] = ()) -> dict[str, str]:
    """Writes a corpus of these texts by source; returns the ids by source."""
    writer = CorpusWriter(folder)
    ids = {}
    for number, (source, text) in enumerate(texts.items()):
        ids[source] = id_of(source, text)
        writer.keep(Record(ids[source], text, source, "MIT" if number % 2 else "GPL-3.0-only",
                           sha256_bytes(text.encode()), ()))
    for one in dropped:
        writer.drop(one)
    counts = {"read": len(ids) + len(dropped), "kept": len(ids), "dropped": Counter(one.reason for one in dropped)}
    writer.finish(Account("of the test", counts=counts))
    return ids
