"""Where documents come from: a corpus with its splits and licences, or a folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from makar.curation import Record
from makar.curation.corpus import Account, CorpusWriter
from makar.curation.record import id_of
from makar.kit.errors import Damaged, NotHere
from makar.kit.files import sha256_bytes
from makar.train.config import Config, Data
from makar.train.prepare import licence_of, prepare
from makar.train.source import open_source, sections


def corpus(folder: Path) -> str:
    writer = CorpusWriter(folder)
    for number in range(90):
        text = f"Document {number} says that {number} and {number + 1} follow each other.\n" * 5
        split = ("train", "validation", "test")[number % 3]
        writer.keep(Record(id_of(str(number), ""), text, "made up", "MIT" if number % 2 else "CC0-1.0",
                           sha256_bytes(text.encode()), (), split))
    return writer.finish(Account("made up"))


def test_a_corpus_gives_its_root_its_splits_and_its_licences(tmp_path: Path) -> None:
    root = corpus(tmp_path / "corpus")
    source = open_source(tmp_path / "corpus")
    assert (source.kind, source.root) == ("corpus", root)
    documents = list(source.read())
    assert len(documents) == 60  # what is kept for tests is not read
    held_out = {document.id for document in documents if document.held_out(0.0)}
    assert held_out == {id_of(str(number), "") for number in range(1, 90, 3)}
    prepared = prepare(tmp_path / "run", Config("x", size=1, data=Data(vocab_size=300, context_tok=16)), source)
    assert prepared.data["root"] == root
    assert prepared.data["licences"] == {"CC0-1.0": 30, "MIT": 30}
    assert licence_of(prepared.data) == "CC0-1.0 AND MIT"


def test_a_corpus_whose_bytes_changed_is_refused(tmp_path: Path) -> None:
    corpus(tmp_path / "corpus")
    shard = next(path for path in sorted((tmp_path / "corpus").rglob("*")) if path.is_file()
                 and path.name != "corpus.json" and path.stat().st_size > 100)
    data = bytearray(shard.read_bytes())
    data[len(data) // 2] ^= 1
    shard.write_bytes(data)
    with pytest.raises(Damaged):
        list(open_source(tmp_path / "corpus").read())


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotHere, match="nowhere"):
        open_source(tmp_path / "nowhere")


@pytest.mark.parametrize("text", ["", "short", "a line\n" * 5000, "para\n\n" * 5000, "x" * 50_000])
def test_sections_hold_the_whole_text(text: str) -> None:
    parts = list(sections(text))
    assert "".join(parts) == text
    assert max(map(len, parts)) <= 16_000
