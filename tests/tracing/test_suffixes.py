"""The order of suffixes, beside sorting the suffixes themselves."""

from __future__ import annotations

import random

import numpy as np
import pytest

from makar.tracing import suffixes
from makar.tracing.fold import join
from makar.tracing.suffixes import sorted_suffixes

PIECES = ("ab", "a", "c", "the", "x" * 40, "=" * 50, "漢", "字", "—", "é", "\n", "  ", "...", "ⴰ", "\U0001F600", "\0")


def check(texts: list[str]) -> None:
    """Compares with what sorting the bytes from each token on gives."""
    data, tokens, _, _ = join(texts)
    wanted = sorted(tokens.tolist(), key=lambda at: data[at:])
    assert sorted_suffixes(data, tokens).tolist() == wanted


@pytest.mark.parametrize("seed", range(60))
def test_the_order_is_that_of_the_bytes(seed: int) -> None:
    draw = random.Random(seed)
    texts = ["".join(draw.choice(PIECES) + draw.choice(["", " "]) for _ in range(draw.randint(0, 60)))
             for _ in range(draw.randint(1, 5))]
    check(texts + texts[: seed % 3] + [""] * (seed % 4))


@pytest.mark.parametrize("texts", [
    [], [""], ["..."], ["a"], ["a " * 700], ["a", "", "a", "", ""], ["one two three"] * 40,
    [f"x{'=' * 900}y{'=' * 900}{end}" for end in "zyz"], [f"x{'=' * 900}", f"x{'=' * 901}", "x"]])
def test_what_repeats_and_what_is_long(texts: list[str]) -> None:
    check(texts)


def test_groups_larger_than_a_block(monkeypatch: pytest.MonkeyPatch) -> None:
    draw = random.Random(3)
    text = " ".join(draw.choice(["the", "a", "of", "word"]) for _ in range(3000))
    monkeypatch.setattr(suffixes, "_KEY_BYTES", 7)  # which leaves a block four bits
    check([text, text[:500]])


def test_every_block_holds_whole_groups() -> None:
    firsts = np.array([0, 2, 4, 20, 22, 31])
    found = list(suffixes._blocks(firsts, 33, 8))
    assert found == [(0, 4), (4, 20), (20, 22), (22, 31), (31, 33)]
