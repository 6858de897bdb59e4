"""`makar.trace`, `makar.index`, `makar.forget`: from names and paths to what is found."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import makar
from makar.kit.errors import BadInput, NotHere, UnknownName
from makar.ledger import open_ledger

BOOK = " ".join(f"the{number} grey{number} cat{number} sat{number}" for number in range(40))


@pytest.fixture
def books(tmp_path: Path) -> Path:
    """One book."""
    (tmp_path / "books").mkdir()
    (tmp_path / "books" / "cat.txt").write_text(BOOK)
    return tmp_path / "books"


def test_a_folder_is_indexed_when_first_traced_in(books: Path) -> None:
    found = makar.trace(f"My own. {BOOK[:400]}", corpora=books)
    assert found.spans[0].places[0].document == "cat.txt"
    assert makar.trace(BOOK).looked_in == found.looked_in  # where no corpus is named, all that are indexed
    assert makar.trace(BOOK, corpora=["books"], edited=False, min_tok=100).spans[0].num_tok == 160


def test_a_file_and_the_record_beside_it(books: Path, tmp_path: Path) -> None:
    index = makar.index(books, tmp_path / "index", name="cats")
    work = tmp_path / "work.txt"
    work.write_text(BOOK)
    assert makar.trace(work, tmp_path / "index").training_data == "training data not disclosed"
    beside = tmp_path / "work.txt.record.json"
    index_says = "training data not disclosed"
    for told, expected in (("FineWeb", "FineWeb (not looked in here)"), ("Not disclosed", index_says),
                           (f"the corpus {index.root}", f"the corpus {index.root} (cats, looked in here)")):
        beside.write_text(json.dumps({"checkpoint": {"training_data": told}}))
        assert makar.trace(work, tmp_path / "index").training_data == expected
    beside.write_text("{")
    with pytest.raises(BadInput, match="no record"):
        makar.trace(work, tmp_path / "index")


def test_a_signed_file_tells_its_own_training_data(books: Path, tmp_path: Path) -> None:
    index = makar.index(books, tmp_path / "index", name="cats")
    policy = tmp_path / "lax.toml"
    policy.write_text("extends = 'default'\notherwise = 'release'\n[actions]\nrepetition = 'release'\n"
                      "language = 'release'\n")
    made = makar.text("Say something", model="tiny", seed=1, regex="[a-z]{4,9}", policy=str(policy))
    path = made.save(tmp_path / "said.txt")
    told = made.record["checkpoint"]["training_data"]
    assert makar.trace(path, index.path).training_data == f"{told} (not looked in here)"
    path.write_text("Other words.")  # no longer what was signed
    assert makar.trace(path, index.path).training_data == "training data not disclosed"


def test_what_cannot_be_traced(books: Path, tmp_path: Path) -> None:
    with pytest.raises(NotHere, match="makar index FOLDER"):
        makar.trace("text")
    makar.index(books)
    with pytest.raises(BadInput, match="empty"):
        makar.trace(" \n")
    with pytest.raises(NotHere):
        makar.trace(tmp_path / "nowhere.txt")
    with pytest.raises(UnknownName, match="books"):
        makar.trace("text", corpora="book")
    with pytest.raises(NotHere):
        makar.index(tmp_path / "nowhere")
    (tmp_path / "binary.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadInput, match="UTF-8"):
        makar.trace(tmp_path / "binary.txt")


def test_forgetting_is_stamped(books: Path) -> None:
    (books / "dog.txt").write_text("a dog barks at night")
    makar.index(books)
    makar.forget("cat.txt", "books")
    assert makar.trace(BOOK).spans == ()
    with open_ledger() as ledger:
        assert [stamp.body["document"] for stamp in ledger.stamps("forget")] == ["cat.txt"]


def test_the_check_takes_corpora(books: Path) -> None:
    makar.index(books)
    verdicts = {one.check: one for one in makar.check(BOOK, corpora=["books"])}
    assert not verdicts["originality"].passed
    assert "originality" not in {one.check for one in makar.check(BOOK)}
