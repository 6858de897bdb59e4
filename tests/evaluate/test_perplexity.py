"""Perplexity against closed forms: uniform, weighted, and however the text falls into windows."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from makar.evaluate import perplexity
from makar.kit.errors import BadInput, NotHere


def measure(model: Any, path: Path) -> dict[str, float]:
    items = list(perplexity.run(model, perplexity.tasks(model, path)))
    return {figure.name: figure.value for figure in perplexity.figures(items)}


@given(num_tok=st.integers(2, 400), window_tok=st.integers(2, 64))
def test_every_token_but_the_first_is_scored_once_in_order(num_tok: int, window_tok: int) -> None:
    found = list(perplexity.windows(range(num_tok), window_tok))
    scored = [token for window in found for token in window.ids[-window.num_scored:]]
    assert scored == list(range(1, num_tok))
    assert all(window.num_scored < len(window.ids) <= window_tok for window in found)
    assert all(len(window.ids) - window.num_scored >= window_tok // 2 for window in found[1:])


@pytest.mark.parametrize("text", ["ab", "x" * 63, "word " * 700, "naïve 日本語 😀 " * 200])
def test_a_uniform_model_has_the_perplexity_of_its_vocabulary(text: str, tmp_path: Path, scripted: Any) -> None:
    (tmp_path / "text.txt").write_text(text)
    figures = measure(scripted(), tmp_path / "text.txt")
    assert figures["perplexity per token"] == pytest.approx(256, rel=1e-9)
    assert figures["bits per byte"] == pytest.approx(8, rel=1e-9)


def test_unequal_surprise_is_averaged_in_logs(tmp_path: Path, scripted: Any) -> None:
    (tmp_path / "text.txt").write_text("ab" * 1500 + "a")
    figures = measure(scripted(lambda token: 0.5 if token == ord("a") else 0.125), tmp_path / "text.txt")
    assert figures["bits per byte"] == pytest.approx((1 + 3) / 2, rel=1e-9)
    assert figures["perplexity per token"] == pytest.approx(math.exp(math.log(16) / 2), rel=1e-9)


def test_a_short_context_makes_short_windows(tmp_path: Path, scripted: Any) -> None:
    (tmp_path / "text.txt").write_text("z" * 1000)
    model = scripted(context_tok=100)
    assert measure(model, tmp_path / "text.txt")["bits per byte"] == pytest.approx(8)
    assert max(map(len, model.asked)) == 100


def test_a_file_too_short_or_absent_is_refused(tmp_path: Path, scripted: Any) -> None:
    (tmp_path / "text.txt").write_text("a")
    with pytest.raises(BadInput, match="1 tokens; perplexity needs at least 2"):
        perplexity.tasks(scripted(), tmp_path / "text.txt")
    with pytest.raises(NotHere, match="no file"):
        perplexity.tasks(scripted(), tmp_path / "absent.txt")
    (tmp_path / "binary").write_bytes(b"\x00\xff\xfe")
    with pytest.raises(BadInput, match="not UTF-8"):
        perplexity.tasks(scripted(), tmp_path / "binary")
