"""A corpus is what its root says, or it does not open."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from makar.curation import Corpus, Dropped, Record, open_corpus
from makar.curation.corpus import Account, CorpusWriter
from makar.curation.record import id_of
from makar.kit.errors import BadInput, Damaged, NotHere, UnknownName
from makar.kit.files import sha256_bytes


def record(number: int, *, split: str = "train") -> Record:
    """A record with characters outside ASCII."""
    content = f"Document {number} says grüße 漢字. " * (number % 7 + 1)
    return Record(id_of(f"s/{number}", content), content, f"s/{number}", "MIT", sha256_bytes(content.encode()),
                  ("read:plain",), split, "en")


def written(folder: Path, *, num: int = 50, shard_bytes: int = 2_000, name: str = "n") -> Corpus:
    """A corpus of several shards, one document in ten held out, two dropped."""
    writer = CorpusWriter(folder, shard_bytes=shard_bytes)
    for number in range(num):
        writer.keep(record(number, split="validation" if number % 10 == 0 else "train"))
    for number in range(2):
        writer.drop(Dropped(id_of("d", str(number)), f"d/{number}", "quality", "gopher_words: 1", f"short {number}"))
    root = writer.finish(Account(name, {"a": 1}, counts={"read": num + 2, "kept": num, "dropped": {"quality": 2}}))
    corpus = open_corpus(folder)
    assert corpus.root == root
    return corpus


def test_what_is_written_is_read(tmp_path: Path) -> None:
    corpus = written(tmp_path / "c")
    assert len(corpus.manifest.records) > 2
    assert list(corpus.records()) == [record(n, split="validation" if n % 10 == 0 else "train") for n in range(50)]
    assert len(corpus) == 50
    assert [one.content for one in corpus.dropped()] == ["short 0", "short 1"]
    assert list(corpus.dropped("licence")) == []
    assert corpus.verify() == 52


def test_splits(tmp_path: Path) -> None:
    corpus = written(tmp_path / "c")
    assert len(list(corpus.records("validation"))) == corpus.num_records("validation") == 5
    assert corpus.num_records("train") == 45
    with pytest.raises(UnknownName, match="validation"):
        list(corpus.records("valid"))


def test_by_id_and_by_place(tmp_path: Path) -> None:
    corpus = written(tmp_path / "c")
    wanted = corpus.at(37)
    assert corpus.record(wanted.id) == wanted == corpus.record(wanted.id[:14])
    assert next(corpus.find_dropped(id_of("d", "1"))).content == "short 1"
    with pytest.raises(NotHere, match="corpus why"):
        corpus.record("0" * 24)
    with pytest.raises(BadInput, match="no id"):
        corpus.record("not-an-id")


def test_an_ambiguous_prefix_is_said_to_be(tmp_path: Path) -> None:
    corpus = written(tmp_path / "c", num=300)
    firsts = [one.id[:1] for one in corpus.records()]
    with pytest.raises(BadInput, match="several documents"):
        corpus.record(max(set(firsts), key=firsts.count))


def test_shards_do_not_change_the_documents_but_the_root_names_them_all(tmp_path: Path) -> None:
    one, same, other = (written(tmp_path / name, name="x") for name in ("a", "b", "c"))
    assert one.root == same.root == other.root
    assert written(tmp_path / "d", name="y").root != one.root
    assert written(tmp_path / "e", name="x", num=49).root != one.root


@pytest.mark.parametrize("name", ["records/00001.frames", "records/00001.leaves", "records/00001.table",
                                  "dropped/00000.frames", "dropped/00000.table"])
@pytest.mark.parametrize("place", [0, 0.5, -1])
def test_any_changed_byte_is_found_on_opening(name: str, place: float, tmp_path: Path) -> None:
    corpus = written(tmp_path / "c")
    path = corpus.path / name
    data = bytearray(path.read_bytes())
    data[int(place * len(data)) if place >= 0 else -1] ^= 1
    path.write_bytes(data)
    with pytest.raises(Damaged):
        open_corpus(corpus.path)


def test_a_changed_document_is_never_read(tmp_path: Path) -> None:
    corpus = written(tmp_path / "c")
    path = corpus.path / "records/00000.frames"
    data = bytearray(path.read_bytes())
    data[20] ^= 1
    path.write_bytes(data)
    with pytest.raises(Damaged):
        list(open_corpus(corpus.path, verify=False).records())


@pytest.mark.parametrize(("key", "value"), [("root", "0" * 64), ("account", {"name": "other"})])
def test_a_changed_manifest_is_found(key: str, value: object, tmp_path: Path) -> None:
    corpus = written(tmp_path / "c")
    path = corpus.path / "corpus.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), key: value}))
    with pytest.raises(Damaged, match="root"):
        open_corpus(corpus.path, verify=False)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"format": "makar-corpus/1"}', '{"format": "other"}'])
def test_what_is_no_manifest(text: str, tmp_path: Path) -> None:
    (tmp_path / "corpus.json").write_text(text)
    with pytest.raises(Damaged, match=r"corpus\.json"):
        open_corpus(tmp_path)


def test_a_missing_or_short_file(tmp_path: Path) -> None:
    with pytest.raises(NotHere, match="makar curate"):
        open_corpus(tmp_path / "absent")
    corpus = written(tmp_path / "c")
    table = corpus.path / "records/00000.table"
    table.write_bytes(table.read_bytes()[:-3])
    with pytest.raises(Damaged, match="cut short"):
        open_corpus(corpus.path)
    table.unlink()
    with pytest.raises(Damaged, match="cannot be read"):
        open_corpus(corpus.path)
