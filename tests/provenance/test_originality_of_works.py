"""A work under a policy that compares it: stopped in the middle, and the record says what it was compared with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from makar.checks.originality import CHECK
from makar.provenance.released import Released, Withheld
from makar.provenance.review_queue import edit
from makar.review import load_policy, screen
from makar.tracing.shelf import build_index

COPIED = " ".join(f"word{number} of{number} theirs{number}" for number in range(60))
OWN = " ".join(f"something{number} mine{number}" for number in range(150))


@pytest.fixture
def policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Holds what copies more than 20 tokens of one book; only `originality` is judged."""
    monkeypatch.setattr(screen, "load_checks", lambda: [CHECK])
    (tmp_path / "books").mkdir()
    (tmp_path / "books" / "theirs.txt").write_text(COPIED)
    build_index(tmp_path / "books", tmp_path / "index")
    path = tmp_path / "original.toml"
    path.write_text('[actions]\noriginality = "hold"\n[originality]\ncorpora = ["index"]\nlimit_tok = 20\n')
    return path


def test_a_clean_work_says_what_it_was_compared_with(stage, policy):
    found = load_policy(policy)
    released = stage.work(OWN, policy=found).release()
    assert isinstance(released, Released)
    record = released.record
    assert record["trace"] == {"training_data": "none: it repeats what it is told", "corpus_root": None,
                               "compared_with": found.asked["originality"]["roots"]}
    [request] = stage.ledger.stamps("request")
    assert json.loads(stage.ledger.content(request.body["asked"])) == found.asked
    stage.model.training_data = "not disclosed by its makers"
    again = stage.work(OWN, policy=found).release()
    assert again.record["trace"]["training_data"] == "training data not disclosed"
    assert "no match" not in again.manifest.lower()


@pytest.mark.parametrize("size", [1, 40, 10_000])
def test_a_copy_stops_in_the_middle(stage, policy, size):
    work = stage.work(f"{OWN} {COPIED} {OWN}", size=size, policy=policy)
    windows = []
    with pytest.raises(Withheld, match=r"tokens beyond the limit are verbatim from theirs\.txt"):
        windows.extend(work.stream())
    left = "".join(stage.text_of("window"))
    assert f"{OWN} {' '.join(COPIED.split()[:20])} ".startswith(left)
    assert len(left) >= len(OWN) // 2 or size == 10_000


def test_an_edit_is_compared_again(stage, policy):
    with pytest.raises(Withheld) as held:
        stage.work(COPIED, policy=policy).release()
    with pytest.raises(Withheld, match="originality"):
        edit(stage.ledger, held.value.id, f"{COPIED} and a bit", "Ada", "shorter")
    released = edit(stage.ledger, held.value.id, " ".join(COPIED.split()[:20]), "Ada", "a quotation")
    assert released.record["decision"]["action"] == "release"
