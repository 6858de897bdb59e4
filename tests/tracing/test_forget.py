"""Forgetting: gone from the corpus, its index and all their files; the checkpoints that saw it are named."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from libraries import corpus, library, tokens

from makar.curation import Dropped, open_corpus
from makar.curation.record import id_of
from makar.kit.errors import NotHere, UnknownName
from makar.ledger import Ledger, open_ledger
from makar.tracing.forget import forget
from makar.tracing.shelf import build_index, open_current
from makar.tracing.spans import spans
from makar.train.source import open_source


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """A ledger of its own, which must verify at the end."""
    with open_ledger(tmp_path / "ledger.db") as own:
        yield own
        assert own.verify().ok


def trained(ledger: Ledger, sha256: str, root: str, parent: str = "") -> None:
    ledger.append("checkpoint", {"sha256": sha256, "corpus_root": root, "parent": parent, "recipe": "text/tiny",
                                 "step": 7, "folder": f"runs/{sha256}"})


def test_a_document_of_a_corpus_is_gone(tmp_path: Path, ledger: Ledger) -> None:
    texts = library(tmp_path / "books", 5, 300)
    ids = corpus(tmp_path / "corpus", texts)
    build_index(tmp_path / "corpus")
    text = tokens(texts["book02.txt"], 20, 60)
    assert spans(open_current(tmp_path / "corpus"), text)
    before = open_corpus(tmp_path / "corpus").root
    trained(ledger, "aa", before)
    trained(ledger, "bb", "another corpus")
    trained(ledger, "cc", "another corpus", parent="aa")
    (tmp_path / "corpus" / "datasheet").mkdir()
    (tmp_path / "corpus" / "datasheet" / "old.txt").write_text(texts["book02.txt"])
    (tmp_path / "corpus" / "notes.txt").write_text("kept")

    done = forget(ids["book02.txt"][:12], tmp_path / "corpus", ledger)
    left = open_corpus(tmp_path / "corpus")
    assert (done.root_before, done.root_after) == (before, left.root)
    assert left.manifest.account.parent == before
    assert [seen.sha256 for seen in done.checkpoints] == ["aa", "cc"]
    assert {record.source for record in left.records()} == set(texts) - {"book02.txt"}
    assert [(one.id, one.reason, one.content, one.source) for one in left.dropped()] == [
        (ids["book02.txt"], "forgotten", "", "")]
    assert spans(open_current(tmp_path / "corpus"), text) == []
    assert spans(open_current(tmp_path / "corpus"), tokens(texts["book03.txt"], 20, 60))
    assert sorted(entry.name for entry in (tmp_path / "corpus").iterdir()) == [
        "corpus.json", "datasheet", "dropped", "notes.txt", "records"]
    assert "old.txt" not in {entry.name for entry in (tmp_path / "corpus" / "datasheet").iterdir()}
    assert left.datasheet()
    assert json.loads(json.dumps(ledger.get(next(ledger.stamps("forget")).id).body))["document"] == ids["book02.txt"]

    later = forget(ids["book04.txt"], tmp_path / "corpus", ledger)
    assert [seen.sha256 for seen in later.checkpoints] == ["aa", "cc"]  # they saw an older state of the corpus
    with pytest.raises(NotHere, match="no document"):
        forget(ids["book02.txt"], tmp_path / "corpus", ledger)


def test_what_repeated_it_goes_too(tmp_path: Path, ledger: Ledger) -> None:
    texts = library(tmp_path / "books", 3, 100)
    kept = id_of("book01.txt", texts["book01.txt"])
    dropped = [Dropped("a" * 24, "copy.txt", "exact_duplicate", f"the same text as {kept}", texts["book01.txt"]),
               Dropped("b" * 24, "near.txt", "near_duplicate", f"0.93 of its runs are those of {kept}", "nearly that"),
               Dropped("c" * 24, "bad.txt", "quality", "words: too few", "few words")]
    corpus(tmp_path / "corpus", texts, dropped)
    done = forget(kept, tmp_path / "corpus", ledger)
    assert done.duplicates == ("a" * 24, "b" * 24)
    left = open_corpus(tmp_path / "corpus")
    assert {one.content for one in left.dropped()} == {"few words", ""}
    assert left.counts == {"read": 6, "kept": 2, "dropped": {"forgotten": 3, "quality": 1}}
    assert left.verify() == 6

    gone = forget("c" * 24, tmp_path / "corpus", ledger)  # what was left out can be forgotten as well
    assert (gone.split, gone.checkpoints) == ("dropped", ())
    assert {one.content for one in open_corpus(tmp_path / "corpus").dropped()} == {""}


def test_no_byte_of_it_is_left(tmp_path: Path, ledger: Ledger, own_home: Path) -> None:
    texts = library(tmp_path / "books", 3, 100)
    secret = "the quick unmistakable zanzibar phrase"
    texts["book01.txt"] += f" {secret}"
    ids = corpus(tmp_path / "corpus", texts)
    build_index(tmp_path / "corpus")
    def held() -> list[Path]:
        return [path for folder in (tmp_path / "corpus", own_home) for path in folder.rglob("*")
                if path.is_file() and b"zanzibar" in path.read_bytes()]
    assert held()
    forget(ids["book01.txt"], tmp_path / "corpus", ledger)
    assert held() == []


def test_a_file_of_an_indexed_folder_stays_and_is_left_out(tmp_path: Path, ledger: Ledger) -> None:
    texts = library(tmp_path / "books", 3, 200)
    build_index(tmp_path / "books")
    trained(ledger, "aa", open_source(tmp_path / "books").root)  # as `makar train --data books` names the folder
    trained(ledger, "bb", "another folder")
    done = forget("book01.txt", tmp_path / "books", ledger)
    assert done.left == str(tmp_path / "books" / "book01.txt")
    assert [seen.sha256 for seen in done.checkpoints] == ["aa"]
    assert (tmp_path / "books" / "book01.txt").exists()
    text = tokens(texts["book01.txt"], 20, 60)
    assert spans(open_current(tmp_path / "books"), text) == []
    assert spans(build_index(tmp_path / "books"), text) == []  # building again does not bring it back
    with pytest.raises(UnknownName, match=r"book02\.txt"):
        forget("book01.txt", tmp_path / "books", ledger)
    with pytest.raises(UnknownName):
        forget("book01.txt", tmp_path / "elsewhere", ledger)
