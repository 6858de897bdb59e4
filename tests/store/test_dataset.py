"""Data sets of the hub, over real HTTP: every file against its hash, the card's licence, the commit in the name."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest
from hub_stand_in import Hub, running

from makar.curation.config import CurateConfig
from makar.curation.quality import QualityConfig
from makar.kit.errors import BadInput, Damaged, NoNetwork, NotHere
from makar.store.dataset import dataset
from makar.verbs.curate import curate

COMMIT = "c" * 40


def rows(*texts: str) -> bytes:
    out = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table({"text": list(texts)}), out)
    return out.getvalue()


@pytest.fixture
def hub(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with running(Hub()) as served:
        monkeypatch.setenv("MAKAR_HUB", served.url)
        served.serve_repo("org/tales", COMMIT, {
            "data/train.parquet": rows("A tale of a lantern by the sea.", "A tale of a miller and his mule."),
            "more.jsonl": b'{"text": "A tale of two bridges over one river."}\n',
            "loader.exe": b"MZ", "../outside.txt": b"no", ".gitattributes": b"x"},
            kind="datasets", cardData={"license": "cc0-1.0"})
        yield served


def test_a_data_set_becomes_a_corpus_with_its_licence(hub: Hub, tmp_path: Path) -> None:
    config = CurateConfig(quality=QualityConfig(enabled=False))
    corpus = curate("hub:org/tales", out=tmp_path / "corpus", config=config, workers=1, indexed=False)
    found = sorted(corpus.records(), key=lambda record: record.content)
    assert [record.content.strip() for record in found] == [
        "A tale of a lantern by the sea.", "A tale of a miller and his mule.", "A tale of two bridges over one river."]
    assert {record.licence for record in found} == {"CC0-1.0"}
    assert all(COMMIT[:12] in record.source for record in found)
    asked = len(hub.asked)
    assert dataset("hub:org/tales", lambda path: path.suffix == ".parquet").folder.is_dir()
    assert len(hub.asked) == asked + 1  # only what the data set holds now: its files lie here


def test_one_file_of_a_data_set(hub: Hub) -> None:
    found = dataset("hub:org/tales:more.jsonl", lambda path: True)
    assert [path.name for path in found.folder.rglob("*") if path.is_file()] == ["more.jsonl"]
    assert found.commit == COMMIT


def test_nothing_leaves_the_folder(hub: Hub) -> None:
    folder = dataset("hub:org/tales", lambda path: True).folder
    assert not (folder.parent / "outside.txt").exists()
    assert not (folder / ".gitattributes").exists()


def test_other_bytes_than_listed_are_refused(hub: Hub) -> None:
    place = f"/datasets/org/tales/resolve/{COMMIT}/more.jsonl"
    hub.files[place] = b'{"text": "A tale of two bridges over one RIVER."}\n'
    with pytest.raises(Damaged, match="other bytes"):
        dataset("hub:org/tales:more.jsonl", lambda path: True)


def test_what_cannot_be_had_is_said(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotHere, match="check the name"):
        dataset("hub:org/nothing", lambda path: True)
    with pytest.raises(BadInput, match="no file that can be read"):
        dataset("hub:org/tales", lambda path: False)
    with pytest.raises(BadInput, match="ORG/NAME"):
        dataset("hub:tales", lambda path: True)
    monkeypatch.setenv("MAKAR_OFFLINE", "1")
    with pytest.raises(NoNetwork, match="MAKAR_OFFLINE"):
        dataset("hub:org/tales", lambda path: True)
