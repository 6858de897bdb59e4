"""Edited copies: a fifth of the words changed is still a copy; other texts are not."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from libraries import VOCABULARY, library, prose, tokens

from makar.kit.errors import BadInput
from makar.tracing.index import Index
from makar.tracing.near import near
from makar.tracing.shelf import build_index


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> tuple[Index, dict[str, str]]:
    """An index and what is in it."""
    folder: Path = tmp_path_factory.mktemp("near")
    texts = library(folder / "books")
    return build_index(folder / "books", folder / "index"), texts


def edited(text: str, frac: float, seed: int) -> str:
    """A fraction of the words replaced, left out, or joined by another."""
    draw = random.Random(seed)
    words = []
    for word in text.split():
        other = draw.choice(VOCABULARY)
        change = draw.choice([[other], [other], [], [word, other]]) if draw.random() < frac else [word]
        words.extend(change)
    return " ".join(words)


@pytest.mark.parametrize("count", [60, 150])
def test_most_edited_copies_are_found(books: tuple[Index, dict[str, str]], count: int) -> None:
    index, texts = books
    found = 0
    for number in range(40):
        name = f"book{number % 12:02}.txt"
        copy = edited(tokens(texts[name], 30 * number, count), 0.2, number)
        text = f"{prose(3000 + number, 40)} {copy} {prose(4000 + number, 40)}"
        matches = near(index, text)
        inside = [one for one in matches if one.place.document == name
                  and one.start < text.index(copy) + len(copy) and one.end > text.index(copy)]
        found += bool(inside)
        assert len(matches) <= 2
        assert all(0.55 <= one.share_frac < 1 for one in inside)
    assert found >= 38


def test_other_texts_are_not(books: tuple[Index, dict[str, str]]) -> None:
    index, texts = books
    assert [near(index, prose(6000 + number, 150)) for number in range(40)] == [[]] * 40
    shuffled = texts["book05.txt"].split()
    random.Random(1).shuffle(shuffled)
    assert near(index, " ".join(shuffled[:400])) == []


def test_a_verbatim_copy_is_near_too(books: tuple[Index, dict[str, str]]) -> None:
    index, texts = books
    [one] = near(index, tokens(texts["book07.txt"], 200, 80))
    assert (one.num_tok, one.share_frac, one.place.document) == (80, 1.0, "book07.txt")
    raw = texts["book07.txt"].encode()
    assert raw[one.place.offset_bytes:].split()[:3] == texts["book07.txt"].split(" ", 200)[200].encode().split()[:3]


@pytest.mark.parametrize("text", ["", "a b", "...", "word " * 2000, "\0" * 9, "ไทย中文" * 30])
def test_odd_texts(books: tuple[Index, dict[str, str]], text: str) -> None:
    assert near(books[0], text) == []


def test_senseless_settings(books: tuple[Index, dict[str, str]]) -> None:
    with pytest.raises(BadInput, match="share_frac"):
        near(books[0], "text", share_frac=0)
