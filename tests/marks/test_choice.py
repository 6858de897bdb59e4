"""contract: what a token counts for follows from the text alone, and changes no false alarm."""

from __future__ import annotations

import numpy as np
import pytest
from marked_letters import letters, write

from makar.marks.choice import WEIGHTS, kind_of, weights
from makar.marks.key import MarkKey
from makar.marks.text import p_values


@pytest.mark.parametrize(("token", "kind"), [
    (b" lighthouse", "long"), (b"\nOnce", "short"), (b" the", "short"), (b"house", "rest"), (b"ing", "rest"),
    (b".", "rest"), (b" (", "rest"), (b"\n\n", "rest"), (b" 12", "rest"), (b"", "rest"),
    ("海".encode(), "short"), ("灯台".encode(), "long"), (" été".encode(), "long"), (b"\xe6", "short")])
def test_kinds(token: bytes, kind: str) -> None:
    assert kind_of(token) == kind


def test_what_was_there_before_counts_for_less() -> None:
    found = weights([b" the", b" sea", b" the", b".", b"."])
    assert found.tolist() == [WEIGHTS["short"][1], WEIGHTS["short"][1], WEIGHTS["short"][0], *WEIGHTS["rest"][::-1]]
    assert len(weights([])) == 0


def test_no_weights_make_a_false_alarm(monkeypatch: pytest.MonkeyPatch) -> None:
    """Under weights drawn by chance, and some of 0, p-values of unmarked texts are at most even."""
    known, random = letters(), np.random.default_rng(0)
    monkeypatch.setattr("makar.marks.text.weights", lambda tokens: random.choice([0.0, 0.1, 1.0, 3.0], len(tokens)))
    keys = [MarkKey(number.to_bytes(32, "big")) for number in range(20)]
    found = np.array([p_values(write(known, 80, key=None, seed=seed), keys, known) for seed in range(60)])
    for level in (0.01, 0.1):
        assert np.mean(found <= level) <= level + 4 * np.sqrt(level / found.size)
