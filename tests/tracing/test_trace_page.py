"""The report and its page: every finding shown where it stands, all of the text escaped, nothing fetched."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest
from libraries import library, prose, tokens

from makar.tracing.page import findings, page, parts
from makar.tracing.report import Trace, trace_in
from makar.tracing.shelf import build_index


@pytest.fixture
def traced(tmp_path: Path) -> Trace:
    """A text with a verbatim span, an edited passage, and markup of its own."""
    texts = library(tmp_path / "books", 4, 400)
    index = build_index(tmp_path / "books", licence="CC0-1.0")
    edited = [word if number % 6 else "<b>other</b>" for number, word in
              enumerate(tokens(texts["book02.txt"], 50, 90).split(), 1)]
    text = f"<script>alert(1)</script> {prose(77, 30)} {tokens(texts['book01.txt'], 9, 40)} § {' '.join(edited)} & end"
    return trace_in([index], text)


def test_what_the_report_says(traced: Trace) -> None:
    assert [span.num_tok for span in traced.spans] == [40]
    assert [one.place.document for one in traced.passages] == ["book02.txt"]
    assert "1 verbatim of 20 tokens or more" in traced.statement
    assert traced.statement.endswith("of the text's model: training data not disclosed")
    record = traced.record
    assert "content" not in record
    assert record["spans"][0]["places"][0]["licence"] == "CC0-1.0"
    assert record["looked_in"][0]["root"] == traced.looked_in[0].root
    assert 0 < record["verbatim_frac"] < 0.5


def test_nothing_found_is_not_called_no_match(tmp_path: Path) -> None:
    library(tmp_path / "books", 2, 100)
    statement = trace_in([build_index(tmp_path / "books")], prose(99, 60)).statement
    assert "training data not disclosed" in statement
    assert "no match" not in statement.lower()


def test_the_parts_are_the_text(traced: Trace) -> None:
    found = findings(traced)
    cut = list(parts(traced.content, found))
    assert "".join(part.text for part in cut) == traced.content
    for one in found:
        assert "".join(part.text for part in cut if part.finding == one.number) == one.text


def test_the_page_needs_nothing_and_escapes_all(traced: Trace) -> None:
    shown = page(traced)
    assert "<script" not in shown and "<b>other" not in shown
    assert not re.search(r"(?:src|href)=[\"'](?!#)", shown)
    assert html.escape(traced.content.split()[0]) in shown
    assert set(re.findall(r'href="#([\w-]+)"', shown)) <= set(re.findall(r'id="([\w-]+)"', shown))
    marks = re.findall(r'<mark class="(verbatim|edited)" id="text-\d"', shown)
    assert marks == ["verbatim", "edited"]
    assert "book01.txt" in shown and "CC0-1.0" in shown
