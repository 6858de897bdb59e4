"""Folding: what counts as the same, where tokens begin, and the way back to the source."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from makar.tracing.fold import TOKEN_CHARS, fold, join

TEXTS = st.lists(st.sampled_from(["a", "Word", " ", "  ", "\n", "\t", "\r\n", ".", "é", "’", "“", "—", "中", "ไ",
                                  "\u0301", "𝒜", "\u200b", "\u00a0", "x_1", "\0", "ab" * 40]), max_size=30).map("".join)


@pytest.mark.parametrize(("text", "folded", "tokens"), [
    ("", b"", []),
    ("one  two\n\nthree", b"one two three", [b"one", b"two", b"three"]),
    ("\u201cI\u2019m\u201d", b"\"I'm\"", [b"I", b"m"]),
    ("naïve\u00a0café", "naïve café".encode(), ["naïve".encode(), "café".encode()]),
    ("中文x", "中文x".encode(), ["中".encode(), "文".encode(), b"x"]),
    ("a" * 70, b"a" * 70, [b"a" * 32, b"a" * 32, b"a" * 6]),
    ("f(x_1)", b"f(x_1)", [b"f", b"x_1"]),
    ("\ud800 lone", b"\xef\xbf\xbd lone", [b"lone"]),
])
def test_what_is_folded(text: str, folded: bytes, tokens: list[bytes]) -> None:
    found = fold(text)
    assert found.data == folded
    assert [found.part(at, at + 1) for at in range(len(found))] == tokens


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_tokens_lead_back_to_the_source(text: str) -> None:
    folded = fold(text)
    for at in range(len(folded)):
        start, end = folded.chars(at, at + 1)
        assert text[start:end].encode() == folded.part(at, at + 1)
        assert end - start <= TOKEN_CHARS
    assert not re.search(rb"[\t\n\r\0]|  ", folded.data)
    assert fold(folded.data.decode()).data == folded.data


@settings(max_examples=200, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=4), st.sampled_from([1, 7, 1000]))
def test_documents_together_are_as_one_by_one(texts: list[str], piece: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("makar.tracing.fold.PIECE_CHARS", piece)
        data, starts, begins, jumps = join(texts)
    alone = [fold(text) for text in texts]
    assert data == b"".join(one.data + b"\0" for one in alone)
    assert begins.tolist() == np.cumsum([0, *(len(one.data) + 1 for one in alone[:-1])]).tolist()
    expected = [int(begin + start) for begin, one in zip(begins, alone, strict=True) for start in one.starts]
    assert starts.tolist() == expected
    whole = "".join(f"{text.replace(chr(0), ' ')}\0" for text in texts).encode()
    for start in starts:
        row = np.searchsorted(jumps[:, 0], start, "right") - 1
        source = int(jumps[row, 1] + start - jumps[row, 0])
        assert whole[source:source + 1] == data[start:start + 1]
