"""What the datasheet says is what is in the corpus; bias is measured, and planted bias is found."""

from __future__ import annotations

import json
import random
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest

from makar.curation.bias import BiasCounts
from makar.curation.compare import changes, num_only_in, only_in
from makar.curation.config import CurateConfig
from makar.curation.corpus import Corpus
from makar.curation.curate import curate
from makar.curation.search import documents, search
from makar.curation.statistics import describe
from makar.kit.config import replace_at
from makar.kit.errors import BadInput, NotHere


@pytest.fixture
def corpus(sources: Path, tmp_path: Path) -> Corpus:
    """The sources as a corpus."""
    return curate([sources], tmp_path / "corpus", replace_at(CurateConfig(), "name", "a <test> & more"), 1)


def test_counts_are_those_of_the_documents(corpus: Corpus) -> None:
    statistics = json.loads((corpus.path / "datasheet" / "statistics.json").read_text())
    records = list(corpus.records())
    assert statistics["num_records"] == len(records)
    assert statistics["num_chars"] == sum(len(one.content) for one in records)
    assert statistics["counts"]["licences"] == dict(Counter(one.licence for one in records))
    assert statistics["counts"]["personal_data"] == {"email": 1}
    assert sum(statistics["counts"]["lengths"].values()) == len(records)
    assert statistics == json.loads(json.dumps(describe(records).as_json()))


def test_croissant(corpus: Corpus) -> None:
    sheet = corpus.datasheet()
    assert "http://mlcommons.org/croissant/1.0" in sheet["conformsTo"]
    assert sheet["identifier"] == corpus.root
    assert sheet["distribution"][0]["sha256"] == corpus.manifest.records[0].frames_sha256
    assert [field["@id"] for field in sheet["recordSet"][0]["field"]][:2] == ["documents/id", "documents/content"]
    assert {"https://spdx.org/licenses/MIT.html", "unknown"} <= set(sheet["license"])


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]


def test_the_page_stands_alone_and_says_the_root(corpus: Corpus) -> None:
    text = (corpus.path / "datasheet" / "index.html").read_text()
    page = _Page()
    page.feed(text)
    assert page.links == []
    assert page.tags["script"] == 0
    assert page.tags["svg"] >= 6
    assert corpus.root in text
    assert "a &lt;test&gt; &amp; more" in text
    assert "<test>" not in text


def test_planted_bias_is_found_and_its_absence_is_not() -> None:
    rng = random.Random(1)
    fill = ["table", "window", "river", "paper", "walks", "sees", "under", "blue"]

    def said(subject: str, word: str) -> str:
        return " ".join([*rng.choices(fill, k=12), subject, rng.choice(fill), word, *rng.choices(fill, k=12)])

    texts = [said("the woman", "kitchen") for _ in range(60)] + [said("the woman", "table") for _ in range(60)]
    texts += [said("the man", "table") for _ in range(120)] + [said("a person", "table") for _ in range(240)]
    texts += [said(who, "music") for who in ("the woman", "the man", "a person", "a person") for _ in range(40)]
    rng.shuffle(texts)
    counts = BiasCounts()
    counts.add(texts)
    clear = {(one.group, one.attribute): one.log2_ratio for one in counts.associations() if one.clear}
    assert clear[("women", "family")] > 3
    assert ("men", "family") not in clear
    assert ("women", "arts") not in clear
    assert {group: mentions for _, group, mentions in counts.by_group()}["women"] == 160


def test_bias_counts_add_up_and_windows_stay_within_texts() -> None:
    texts = ["she is strong", "strong", "he is weak and poor", "people are rich"]
    whole, parts = BiasCounts(), BiasCounts()
    whole.add(texts)
    for text in texts:
        one = BiasCounts()
        one.add([text])
        parts.plus(one.as_json())
    assert whole.as_json() == parts.as_json()
    near = {(one.group, one.attribute): one.num_near for one in whole.associations() if one.num_near}
    assert near == {("women", "power"): 1, ("men", "weakness"): 1, ("men", "poverty"): 1}


def test_searching_and_why(corpus: Corpus) -> None:
    hits = list(search(corpus, "OF SHAPE 3"))
    assert [hit.record.source for hit in hits] == ["sources/tree/module3.py"]
    assert "Of shape 3" in hits[0].context()
    assert len(list(search(corpus, r"def area\d", regex=True))) == 5
    with pytest.raises(BadInput, match="regular expression"):
        list(search(corpus, "(", regex=True))
    dropped = documents(corpus, "again.txt")[0]
    assert dropped == documents(corpus, dropped.id[:10])[0]
    assert documents(corpus, "sources/rows.jsonl#byte=0")[0].source == "sources/rows.jsonl#byte=0"
    with pytest.raises(NotHere, match="neither kept nor dropped"):
        documents(corpus, "absent.txt")


def test_what_changed_between_two_corpora(corpus: Corpus, sources: Path, tmp_path: Path) -> None:
    config = replace_at(replace_at(CurateConfig(), "name", "a <test> & more"), "licence.accept", "MIT")
    other = curate([sources], tmp_path / "other", config, 1)
    assert [(one.setting, one.left, one.right) for one in changes(corpus, other)] == [("licence.accept", [], ["MIT"])]
    assert num_only_in(other, corpus) == 0
    gone = list(only_in(corpus, other))
    assert len(gone) == num_only_in(corpus, other) == len(corpus) - len(other)
    assert all(one.why.startswith("licence: ") for one in gone)
