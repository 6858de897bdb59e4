"""Verbatim spans: all that were planted, none that were not, and as by comparing all with all."""

from __future__ import annotations

import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from libraries import library, prose, tokens

from makar.kit.errors import BadInput
from makar.tracing.build import BuildOptions
from makar.tracing.fold import fold
from makar.tracing.index import Index
from makar.tracing.shelf import build_index
from makar.tracing.spans import spans


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> tuple[Index, dict[str, str]]:
    """An index of several shards, and what is in it."""
    folder = tmp_path_factory.mktemp("library")
    texts = library(folder / "books")
    index = build_index(folder / "books", folder / "index", BuildOptions(shard_bytes=30_000))
    assert len(index.shards) > 2
    return index, texts


@pytest.mark.parametrize("count", [20, 21, 37, 100, 200])
def test_every_planted_copy_is_found(books: tuple[Index, dict[str, str]], count: int) -> None:
    index, texts = books
    draw = random.Random(count)
    for number in range(25):
        name = draw.choice(sorted(texts))
        start = draw.randrange(1500 - count)
        copy = tokens(texts[name], start, count)
        text = f"{prose(1000 + number, 60)} § {copy} § {prose(2000 + number, 60)}"
        found = spans(index, text)
        assert len(found) == 1
        whole = fold(copy)
        assert fold(text[found[0].start:found[0].end]).data == whole.part(0, len(whole))
        assert found[0].num_tok == count
        place = found[0].places[0]
        assert place.document == name
        raw = texts[name].encode()[place.offset_bytes:]
        assert raw.decode().split()[:5] == copy.split()[:5]


def test_white_space_and_quotes_make_no_difference(books: tuple[Index, dict[str, str]]) -> None:
    index, texts = books
    copy = re.sub(r"\s+", "\n   ", tokens(texts["book03.txt"], 100, 40))
    assert [match.num_tok for match in spans(index, copy)] == [40]


def test_clean_text_and_short_copies_are_not_flagged(books: tuple[Index, dict[str, str]]) -> None:
    index, texts = books
    assert [spans(index, prose(5000 + number, 3000)) for number in range(5)] == [[]] * 5
    assert spans(index, f"x {tokens(texts['book01.txt'], 5, 19)} § y") == []


def test_no_span_crosses_two_documents(books: tuple[Index, dict[str, str]]) -> None:
    index, texts = books
    text = " ".join([tokens(texts["book00.txt"], 1480, 20), tokens(texts["book01.txt"], 0, 20)])
    assert [match.num_tok for match in spans(index, text)] == [20, 20]


@pytest.mark.parametrize("text", ["", " ", "...", "one", "\0\0", "a" * 5000, "word " * 3000, "\ud800" * 30])
def test_odd_texts(books: tuple[Index, dict[str, str]], text: str) -> None:
    assert spans(books[0], text) == []


def test_a_span_has_at_least_one_token(books: tuple[Index, dict[str, str]]) -> None:
    with pytest.raises(BadInput, match="at least one"):
        spans(books[0], "text", 0)


WORDS = st.sampled_from(["a", "ab", "abc", "b", "é", "aé"])  # some begin others


def brute(documents: list[str], text: str, min_tok: int) -> set[tuple[int, int]]:
    """Maximal runs of words, by comparing everything with everything."""
    words = text.split()
    held = [f" {document} " for document in documents]
    found = {(first, last) for first in range(len(words)) for last in range(first + min_tok, len(words) + 1)
             if any(f" {' '.join(words[first:last])} " in document for document in held)}
    return {(first, last) for first, last in found
            if not any(a <= first and last <= b and (a, b) != (first, last) for a, b in found)}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(WORDS, min_size=1, max_size=40).map(" ".join), min_size=1, max_size=4),
       st.lists(WORDS, max_size=40).map(" ".join), st.integers(1, 9), st.integers(10, 200))
def test_as_by_brute_force(tmp_path_factory: pytest.TempPathFactory, documents: list[str], text: str, min_tok: int,
                           shard_bytes: int) -> None:
    folder = tmp_path_factory.mktemp("brute")
    (folder / "in").mkdir()
    for number, document in enumerate(documents):
        (folder / "in" / f"{number}.txt").write_text(document)
    index = build_index(folder / "in", folder / "out", BuildOptions(shard_bytes=shard_bytes))
    found = {(text[:match.start].count(" "), text[:match.end].count(" ") + 1) for match in spans(index, text, min_tok)}
    assert found == brute(documents, text, min_tok)
