"""What a corpus holds, for people (one page) and for programs (Croissant JSON-LD)."""

from __future__ import annotations

import json

from makar.curation.corpus import Corpus
from makar.curation.datasheet.croissant import croissant
from makar.curation.datasheet.page import page
from makar.curation.statistics import Statistics
from makar.kit.files import atomic_write

FOLDER = "datasheet"


def write_datasheet(corpus: Corpus, statistics: Statistics) -> None:
    """Writes `datasheet/` into the corpus: `index.html`, `croissant.json`, `statistics.json`. Raises: OutOfRoom"""
    folder = corpus.path / FOLDER
    for name, data in (("statistics.json", statistics.as_json()), ("croissant.json", croissant(corpus, statistics))):
        atomic_write(folder / name, json.dumps(data, indent=1, ensure_ascii=False) + "\n")
    atomic_write(folder / "index.html", page(corpus, statistics))
