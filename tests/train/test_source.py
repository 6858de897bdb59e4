"""Where documents come from: a corpus with its splits and licences, or a folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from makar.curation import Record
from makar.curation.corpus import Account, CorpusWriter
from makar.curation.record import id_of
from makar.kit.errors import BadInput, Damaged, NotHere
from makar.kit.files import sha256_bytes
from makar.recipes.code.python import packages
from makar.tracing.shelf import build_index
from makar.train.config import Config, Data
from makar.train.prepare import licence_of, prepare
from makar.train.source import open_source, read_folders, sections


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


def test_a_folder_is_read_as_curation_reads_it_and_has_the_root_of_its_index(tmp_path: Path, own_home: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "page.html").write_text("<title>x</title><script>no()</script><p>A page about lanterns.</p>")
    (folder / "rows.csv").write_text("text,license\nA row about rivers.,MIT\n")
    (folder / "code.py").write_text("# SPDX-License-Identifier: Apache-2.0\nprint('code')\n")
    (folder / "chats.json").write_text(json.dumps(
        [{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]}]))
    (folder / "package.json").write_text('{"name": "no chat"}')
    (folder / "broken.txt").write_bytes(b"\xe9t\xe9, in Latin-1")
    (folder / "loop").symlink_to(folder)
    source = open_source(folder, "CC0-1.0")
    found = {document.id.split("/")[1].split("#")[0]: document for document in source.read()}
    assert {name: document.licence for name, document in found.items()} == {
        "page.html": "CC0-1.0", "rows.csv": "MIT", "code.py": "Apache-2.0", "chats.json": "CC0-1.0"}
    assert found["page.html"].text == "x\nA page about lanterns."
    assert [message.content for message in found["chats.json"].messages] == ["Hi", "Ho"]
    assert sorted(source.skipped) == ["mine/broken.txt", "mine/package.json"]
    assert source.root == build_index(folder).root


@pytest.mark.parametrize("names", [(), ("empty.txt",), ("picture.png",)])
def test_a_folder_without_text_is_no_source(tmp_path: Path, names: tuple[str, ...]) -> None:
    (tmp_path / "mine").mkdir()
    for name in names:
        (tmp_path / "mine" / name).write_bytes(b"")
    with pytest.raises(BadInput, match="nothing to learn from"):
        prepare(tmp_path / "run", Config("x", size=1), open_source(tmp_path / "mine"))


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotHere, match="nowhere"):
        open_source(tmp_path / "nowhere")


@pytest.mark.parametrize("text", ["", "short", "a line\n" * 5000, "para\n\n" * 5000, "x" * 50_000])
def test_sections_hold_the_whole_text(text: str) -> None:
    parts = list(sections(text))
    assert "".join(parts) == text
    assert max(map(len, parts)) <= 16_000


def test_code_is_learned_from_permissive_packages_alone(tmp_path: Path) -> None:
    for name, licence in (("free", "MIT"), ("either", "GPL-3.0-only OR BSD-3-Clause"), ("copyleft", "GPL-3.0-only"),
                          ("both", "MIT AND GPL-3.0-only"), ("silent", ""), ("huge", "MIT")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("import this\n" * (400_000 if name == "huge" else 1))
        info = tmp_path / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Name: {name}\n" + (f"License-Expression: {licence}\n" if licence else ""))
        (info / "RECORD").write_text(f"{name}/__init__.py,,\n")
    assert packages(tmp_path) == {tmp_path / "either": "GPL-3.0-only OR BSD-3-Clause", tmp_path / "free": "MIT"}


def test_of_several_folders_only_what_is_asked_for_is_read(tmp_path: Path) -> None:
    for name in ("a/one.py", "a/tests/two.py", "a/three.txt", "b/settings.json", "b/four.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text('{"depth": 1}' if name.endswith(".json") else f"print('{name}')\n")
    found = read_folders({tmp_path / "a": "MIT", tmp_path / "b": "ISC"}, leave_out=("tests",), only=(".py",))
    assert [(one.id, one.licence) for one in found.read()] == [("a/one.py#0", "MIT"), ("b/four.py#0", "ISC")]
    (tmp_path / "a" / "three.txt").write_text("another")
    assert read_folders({tmp_path / "a": "MIT", tmp_path / "b": "ISC"}, leave_out=("tests",),
                        only=(".py",)).root == found.root


def test_what_is_under_another_licence_is_skipped_and_said(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("print(1)\n")
    (tmp_path / "theirs.py").write_text("# SPDX-License-Identifier: LGPL-3.0-only\nprint(2)\n")
    (tmp_path / "theirs.jsonl").write_text('{"text": "a chat of nobody"}\n')
    found = read_folders({tmp_path: "MIT"}, accept=("MIT",))
    assert [one.id for one in found.read()] == [f"{tmp_path.name}/mine.py#0", f"{tmp_path.name}/theirs.jsonl#0"]
    assert list(found.skipped) == [f"{tmp_path.name}/theirs.py"]
    assert "LGPL-3.0-only" in found.skipped[f"{tmp_path.name}/theirs.py"]
    assert not list(read_folders({tmp_path: "MIT"}, accept=("ISC",)).read())


def test_of_many_folders_the_first_are_said(tmp_path: Path) -> None:
    for number in range(40):
        (tmp_path / f"{number:02}").mkdir()
        (tmp_path / f"{number:02}" / "text.txt").write_text("words")
    found = read_folders({tmp_path / f"{number:02}": "MIT" for number in range(40)})
    assert str(tmp_path / "39") in found.where and len(found.place) < 300 < len(found.where)
