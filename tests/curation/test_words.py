"""Words as numbers: the same word anywhere is the same number, and runs stay within their text."""

from __future__ import annotations

import re
import subprocess
import sys

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from makar.curation.words import words_of


def test_case_place_and_neighbours_do_not_matter() -> None:
    alone = words_of(["kettle"]).numbers[0]
    words = words_of(["A Kettle!", "", "the (kettle) KETTLE"])
    assert words.texts.tolist() == [0, 0, 2, 2, 2]
    assert [int(number) for number in words.numbers[[1, 3, 4]]] == [int(alone)] * 3
    assert len(np.unique(words.numbers)) == 3


def test_scripts_without_spaces_are_cut_at_every_character() -> None:
    assert len(words_of(["漢字 ab カナ"]).numbers) == 5
    assert len(words_of(["“grüße” – naïve…"]).numbers) == 2
    assert words_of(["grüße"]).numbers[0] == words_of(["sie sagen grüße an alle"]).numbers[2]


@given(st.lists(st.text(alphabet="abz09_ \n.,-ÄäßЖж", max_size=40), max_size=6))
def test_as_many_words_as_a_regular_expression_finds(texts: list[str]) -> None:
    words = words_of(texts)
    expected = [re.findall(r"\w+", text.lower()) for text in texts]
    assert np.bincount(words.texts, minlength=len(texts)).tolist() == [len(found) for found in expected]
    flat = [word for found in expected for word in found]
    assert len(np.unique(words.numbers)) == len(set(flat))


def test_runs_do_not_cross_texts() -> None:
    words = words_of(["a b c d", "e f", "a b c d"])
    runs, texts = words.shingles(3)
    assert texts.tolist() == [0, 0, 2, 2]
    assert runs[:2].tolist() == runs[2:].tolist()
    short, owners = words.shingles(3, short=True)
    assert owners.tolist() == [0, 0, 1, 2, 2]
    assert len(np.unique(short)) == 3
    assert words_of(["b a"]).shingles(3, short=True)[0][0] != words_of(["a b"]).shingles(3, short=True)[0][0]


def test_the_same_in_another_process() -> None:
    code = "from makar.curation.words import words_of; print(*words_of(['one two', 'drei']).numbers)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(number) for number in words_of(["one two", "drei"]).numbers]
