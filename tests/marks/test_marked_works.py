"""two_paths: marked works streamed or not, alone or in a batch, constrained, seeded, replayed; and what is recorded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import makar
from makar.kit.errors import BadInput, NotHere
from makar.ledger import open_ledger
from makar.marks import key as mark_keys
from makar.marks.text import detect
from makar.methods.autoregress import Constraint, Job, LanguageModel, Sampling
from makar.methods.autoregress.sampling import Chooser, Seen, candidates
from makar.methods.autoregress.tiny import build
from makar.verbs.text import begin, options_of

LETTERS = Constraint("regex", "[a-z ]{200}")
ASKED: dict[str, Any] = {"model": "tiny", "regex": LETTERS.body, "max_tokens": 200, "temperature": 20.0}


@pytest.fixture(scope="module")
def tiny() -> LanguageModel:
    return build()


def make(model: LanguageModel, jobs: list[Job], *, exact: bool = True) -> list[str]:
    texts = [""] * len(jobs)
    for piece in model.run(jobs, exact=exact):
        texts[piece.index] += piece.text
    return texts


def job(model: LanguageModel, mark: str, seed: int = 7) -> Job:
    sampling = Sampling(max_tok=200, seed=seed, temperature=20.0, mark=mark)
    return Job(tuple(model.tokenizer.encode("once")), sampling, LETTERS)


def test_a_constrained_marked_text_fits_and_is_recognised() -> None:
    work = makar.text("once", seed=7, **ASKED)
    assert len(work.content) == 200
    found = detect(work.content)
    assert found.found and found.key == mark_keys.current_key().id and found.checkpoints == ("tiny",)
    plain = makar.text("once", seed=7, **ASKED, mark=False)
    assert plain.content != work.content and not detect(plain.content).found


def test_batch_is_alone_and_made_again_is_the_same(tiny: LanguageModel) -> None:
    mark = mark_keys.current_key().id
    jobs = [job(tiny, mark, seed) for seed in range(3)]
    together = make(tiny, jobs)
    assert together == [make(tiny, [one])[0] for one in jobs]
    assert len(set(together)) == 3
    mark_keys.rotate()
    assert make(tiny, jobs[:1]) == together[:1]


def test_streamed_is_not_streamed() -> None:
    whole = makar.text("once", seed=3, **ASKED)
    assert "".join(begin("once", options_of({**ASKED, "seed": 3})).stream()) == whole.content


def test_candidates_differ_and_each_is_its_seeds_own() -> None:
    several = makar.text("once", seed=3, n=2, exact=True, **ASKED)
    assert len({work.content for work in several}) == 2
    alone = makar.text("once", seed=4, exact=True, **ASKED)
    assert several[1].content == alone.content
    assert all(detect(work.content).found for work in several)


def test_record_names_key_and_scheme_alone(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "ledger.db") as ledger:
        work = makar.text("once", model="tiny", seed=1, max_tokens=20, ledger=ledger)
        greedy = makar.text("once", model="tiny", temperature=0, max_tokens=20, ledger=ledger)
        off = makar.text("once", model="tiny", seed=1, max_tokens=20, mark=False, ledger=ledger)
        ledger.export(tmp_path / "ledger.jsonl")
    key_id = mark_keys.current_key().id
    assert work.record["mark"] == {"scheme": "makar-text/2", "key": key_id}
    assert work.record["request"]["sampling"]["mark"] == key_id
    assert greedy.record["mark"] == {"not_marked": "greedy"}
    assert off.record["mark"] == {"not_marked": "turned off"}
    secret = json.loads((mark_keys.key_folder() / f"{key_id}.json").read_text())["secret"]
    for written in (tmp_path / "ledger.jsonl", tmp_path / "ledger.db"):
        data = written.read_bytes()
        assert key_id.encode() in data
        assert secret.encode() not in data and bytes.fromhex(secret) not in data
    assert secret not in json.dumps(work.record)


def test_a_policy_can_turn_marks_off(tmp_path: Path) -> None:
    policy = tmp_path / "plain.toml"
    policy.write_text('extends = "default"\nmarks = false\n')
    work = makar.text("once", model="tiny", seed=1, max_tokens=20, policy=str(policy))
    assert work.record["mark"] == {"not_marked": "turned off"}
    policy.write_text('extends = "default"\nmarks = "no"\n')
    with pytest.raises(BadInput, match="true or false"):
        makar.text("once", model="tiny", policy=str(policy))


def test_an_unknown_key_is_said(tiny: LanguageModel) -> None:
    with pytest.raises(NotHere, match="not on this machine"):
        make(tiny, [job(tiny, "0" * 16)])
    with pytest.raises(BadInput, match="id of a key"):
        Sampling(mark="secret")


def test_unmarked_draws_are_what_they_were(tiny: LanguageModel) -> None:
    """Where every context has been met before, the marked draw is the unmarked one, number for number."""
    mark = mark_keys.current_key().id
    short = [Job((1, 2), Sampling(max_tok=2, seed=seed, mark=mark)) for seed in range(20)]
    plain = [Job((1, 2), Sampling(max_tok=2, seed=seed)) for seed in range(20)]
    assert make(tiny, short) == make(tiny, plain)


def test_guesses_are_what_default_sampling_draws_from(tiny: LanguageModel) -> None:
    ids = tiny.tokenizer.encode("once upon a time")
    tells = LanguageModel(tiny.card, tiny.net, tiny.tokenizer, None)
    for model, num_unknown in ((tiny, 0), (tells, 1)):  # one that was asked, and one that was not
        found = model.guesses(ids)
        assert len(found) == len(ids) and [len(guess.tokens) > 0 for guess in found].index(True) == num_unknown
        assert all(abs(guess.shares.sum() - 1) < 1e-9 and (np.diff(guess.shares) <= 0).all()
                   for guess in found[num_unknown:])
        assert model.guesses([]) == []
    asked, unasked = tiny.guesses(ids), tells.guesses(ids)
    assert any(one.shares[0] != other.shares[0] for one, other in zip(asked[1:], unasked[1:], strict=True))
    logits, seen = torch.randn(50, generator=torch.Generator().manual_seed(0)) * 2, [3, 7]
    guess = candidates(logits, Sampling(), Seen(seen))
    drawn = [Chooser(Sampling(seed=seed), seen).choose(logits).token for seed in range(400)]
    assert set(drawn) <= set(guess.tokens.tolist())
    assert abs(drawn.count(int(guess.tokens[0])) / 400 - guess.shares[0]) < 0.1

