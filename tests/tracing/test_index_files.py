"""The index on disk: whole or not there, refused when its source changed or its own bytes were cut."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path

import pytest
from libraries import corpus, library, tokens

from makar.kit.errors import BadInput, Damaged, NotHere, UnknownName
from makar.tracing import build
from makar.tracing.index import open_index
from makar.tracing.origin import Folder
from makar.tracing.shelf import build_index, indexes, open_all, open_current
from makar.tracing.spans import spans


@pytest.fixture
def books(tmp_path: Path) -> Path:
    """A small folder of texts."""
    library(tmp_path / "books", 4, 300)
    return tmp_path / "books"


def test_what_is_no_text_is_left_out_and_counted(books: Path) -> None:
    (books / "picture.png").write_bytes(b"\x89PNG\0\0\0" + os.urandom(200))
    (books / "empty.txt").touch()
    (books / "blank.txt").write_text(" \n\t\n")
    (books / "latin.txt").write_bytes("Käse und Brot über alles, für dich und für mich".encode("cp1252"))
    (books / ".hidden").write_text("hidden words")
    (books / "again").symlink_to(books, target_is_directory=True)
    index = build_index(books)
    assert index.num_documents == 5
    assert index.about["skipped"] == {"binary": 1, "empty": 2}
    assert spans(index, "Käse und Brot über alles, für dich", 7)[0].places[0].document == "latin.txt"


@pytest.mark.parametrize("make", [
    lambda path: path.mkdir(), lambda path: (path.mkdir(), (path / "a").write_bytes(b"\0")), lambda path: path.touch()])
def test_nothing_to_index(tmp_path: Path, make) -> None:
    make(tmp_path / "in")
    with pytest.raises(BadInput, match="no text to index"):
        build_index(tmp_path / "in", tmp_path / "out")
    assert not list((tmp_path / "out").glob("generation-*"))


def test_a_text_of_signs_alone_can_be_indexed(tmp_path: Path) -> None:
    (tmp_path / "signs.txt").write_text("... --- ...")
    index = build_index(tmp_path / "signs.txt", tmp_path / "out")
    assert (index.num_documents, index.num_tok) == (1, 0)
    assert spans(index, "some words ... --- ...", 1) == []


def test_licences_come_from_the_head_of_a_file(books: Path) -> None:
    (books / "free.py").write_text("# SPDX-License-Identifier: GPL-2.0-only OR MIT\nvalue = compute(first, second)\n")
    index = build_index(books, licence="CC0-1.0")
    found = spans(index, "value = compute(first, second)", 4)
    assert found[0].places[0].licence == "GPL-2.0-only OR MIT"
    assert set(index.licences) == {"CC0-1.0", "GPL-2.0-only OR MIT"}


def test_licences_come_from_the_folder(books: Path) -> None:
    (books / "package.json").write_text('{"name": "books", "license": "MIT"}')
    assert build_index(books).licences == ["MIT"]


@pytest.mark.parametrize("change", ["edit", "add", "remove"])
def test_a_changed_folder_is_refused(books: Path, change: str) -> None:
    build_index(books)
    file = books / "book01.txt"
    if change == "edit":
        file.write_text(file.read_text() + "x")
    elif change == "add":
        (books / "new.txt").write_text("new words")
    else:
        file.unlink()
    with pytest.raises(Damaged, match="has changed since it was indexed"):
        open_current(books)
    with pytest.raises(Damaged, match="makar index"):
        open_all([])
    build_index(books)
    assert open_current("books").num_documents == {"edit": 4, "add": 5, "remove": 3}[change]


def test_a_folder_that_was_only_touched_or_is_gone_is_not(books: Path) -> None:
    index = build_index(books)
    os.utime(books / "book01.txt", (1, 1))
    assert open_current(books).root == index.root
    shutil.rmtree(books)
    assert open_current("books").root == index.root


def test_a_changed_corpus_is_refused(tmp_path: Path) -> None:
    texts = library(tmp_path / "books", 3, 200)
    corpus(tmp_path / "corpus", texts)
    index = build_index(tmp_path / "corpus")
    assert index.kind == "corpus"
    written = json.loads((tmp_path / "corpus" / "corpus.json").read_text())
    assert open_current(tmp_path / "corpus").root == written["root"]
    frames = next((tmp_path / "corpus").rglob("*.frames"))
    frames.write_bytes(frames.read_bytes()[:-1] + b"x")
    with pytest.raises(Damaged, match="refused"):
        open_current(tmp_path / "corpus")


@pytest.mark.parametrize("name", ["0.text", "0.suffixes", "0.begins", "0.jumps", "licences", "lines",
                                  "documents.jsonl"])
@pytest.mark.parametrize("harm", ["cut", "gone"])
def test_a_cut_index_is_refused(books: Path, tmp_path: Path, name: str, harm: str) -> None:
    index = build_index(books, tmp_path / "out")
    file = tmp_path / "out" / index.about["generation"] / name
    if harm == "gone":
        file.unlink()
    elif name == "documents.jsonl":
        file.write_bytes(b"")
    else:
        os.truncate(file, file.stat().st_size - 1)
    with pytest.raises(Damaged, match="makar index"):
        open_index(tmp_path / "out")


@pytest.mark.parametrize("name", ["0.text", "0.suffixes", "0.begins", "licences", "lines", "documents.jsonl"])
def test_an_index_whose_bytes_changed_is_refused(books: Path, tmp_path: Path, name: str) -> None:
    index = build_index(books, tmp_path / "out")
    file = tmp_path / "out" / index.about["generation"] / name
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    with pytest.raises(Damaged, match="was changed"):
        open_index(tmp_path / "out")
    with pytest.raises(Damaged, match=f"{name}' of the index"):
        index.verify()


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"form": 1}', '{"form": 99}'])
def test_a_broken_index_json_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "index.json").write_text(text)
    with pytest.raises(Damaged):
        open_index(tmp_path)


def test_the_old_index_serves_until_the_new_one_is_whole(books: Path, tmp_path: Path,
                                                         monkeypatch: pytest.MonkeyPatch) -> None:
    old = build_index(books, tmp_path / "out")
    text = (books / "book00.txt").read_text()

    def fails(*_: object) -> None:
        raise OSError(28, "No space left on device")
    monkeypatch.setattr(build, "sorted_suffixes", fails)
    with pytest.raises(Exception, match="disk is full"):
        build_index(books, tmp_path / "out")
    again = open_index(tmp_path / "out")
    assert again.about == old.about
    assert spans(again, tokens(text, 10, 30))
    assert len(list((tmp_path / "out").iterdir())) == 2


def test_other_folders_are_not_overwritten(books: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="other things"):
        build_index(books, books)
    (tmp_path / "file").touch()
    with pytest.raises(BadInput, match="is a file"):
        build_index(books, tmp_path / "file")


def test_a_folder_that_changes_meanwhile_is_not_indexed(books: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="changed while"):
        build_index(books, tmp_path / "out",
                    build.BuildOptions(told=lambda document: (books / "new.txt").write_text(document.id)))


def test_names_that_lead_nowhere(books: Path, tmp_path: Path) -> None:
    with pytest.raises(NotHere, match="no index to trace in"):
        open_all([])
    with pytest.raises(NotHere, match="makar index"):
        open_current(books)
    build_index(books)
    with pytest.raises(UnknownName, match="did you mean 'books'"):
        open_current("bookz")
    assert [index.name for index in indexes()] == ["books"]
    assert open_current(books).path == open_current("books").path


def test_two_of_one_name_are_told_apart_by_path(books: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    shutil.copytree(books, tmp_path / "other" / "books")
    one, _ = build_index(books), build_index(tmp_path / "other" / "books")
    with pytest.raises(BadInput, match="several indexes are called 'books'"):
        open_current("books")
    assert open_current(books).path == open_current(one.path.name).path == one.path


def test_what_a_killed_build_left_is_cleared_away(books: Path, tmp_path: Path) -> None:
    build_index(books, tmp_path / "out")
    for name, age_s in (("generation-old", 2 * build.STALE_S), ("generation-new", 0)):
        (tmp_path / "out" / name).mkdir()
        os.utime(tmp_path / "out" / name, (time.time() - age_s,) * 2)
    index = build_index(books, tmp_path / "out")
    assert {entry.name for entry in (tmp_path / "out").iterdir()} == {
        "index.json", "generation-new", index.about["generation"]}


def test_a_single_file_and_its_root(books: Path) -> None:
    index = build_index(books / "book02.txt")
    assert [index.document(0)["id"], index.num_documents] == ["book02.txt", 1]
    assert index.root == Folder(books / "book02.txt").root() != Folder(books / "book01.txt").root()
