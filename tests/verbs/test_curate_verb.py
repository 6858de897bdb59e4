"""`makar.curate`: callable, although there is much behind it, and stamped."""

from __future__ import annotations

from pathlib import Path

from makar.curation import open_corpus
from makar.ledger import open_ledger


def test_a_corpus_and_its_stamp(tmp_path: Path) -> None:
    import makar.curation  # must not take the verb's place

    (tmp_path / "a.py").write_text("def area(width, height):\n    return width * height\n")
    with open_ledger(tmp_path / "ledger.db") as ledger:
        corpus = makar.curate(tmp_path / "a.py", out=tmp_path / "c", workers=1, ledger=ledger)
        stamp = next(ledger.stamps("curate"))
        assert ledger.verify().ok
    assert stamp.body["corpus"] == corpus.root == open_corpus(tmp_path / "c").root
    assert stamp.body["sources"] == [{"name": "a.py", "num_bytes": 51, "num_files": 1}]
