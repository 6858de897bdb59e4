"""Sources in, a corpus out: what was read, under which licence, and which rule kept or dropped every document."""

from makar.curation.corpus import Corpus, open_corpus
from makar.curation.record import Dropped, Record

__all__ = ["Corpus", "Dropped", "Record", "open_corpus"]
