"""A work made again is the same, byte for byte, alone and eight at a time; where it cannot be, the reason is named."""

from __future__ import annotations

import dataclasses
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import makar
from makar.generate.load import load
from makar.kit.errors import BadInput
from makar.ledger import Ledger, open_ledger
from makar.provenance import replay as replaying
from makar.provenance import review_queue
from makar.provenance.released import Withheld
from makar.review import screen
from makar.rooms.text import ROOM
from makar.verdict import Check, Verdict

NUM_WORKS = 100
LAX = "extends = 'default'\notherwise = 'release'\n[actions]\nrepetition = 'release'\nlanguage = 'release'\n"


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> tuple[Ledger, list[str]]:
    """A ledger with a hundred works of the tiny model, of every sort of request, and their ids."""
    folder = tmp_path_factory.mktemp("replay")
    policy = folder / "lax.toml"
    policy.write_text(LAX)
    ledger, works = open_ledger(folder / "ledger.db"), list[str]()
    settings: list[dict[str, Any]] = [{}, {"n": 4}, {"temperature": 1.3, "top_k": 40}, {"exact": True},
                                      {"temperature": 0.0}, {"regex": "[a-z]{4,9}"}, {"choice": ("yes", "no")}]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MAKAR_HOME", str(folder))
        seed = 0
        while len(works) < NUM_WORKS:
            seed += 1
            found = makar.text(f"Say number {seed}", model="tiny", seed=seed, max_tokens=8, policy=str(policy),
                               mark=False, ledger=ledger, **settings[seed % len(settings)])
            works += [one.id for one in (found if isinstance(found, list) else [found])]
    return ledger, works[:NUM_WORKS]


@pytest.mark.parametrize("num_at_once", [1, 8])
def test_a_hundred_works_come_out_the_same(book: tuple[Ledger, list[str]], num_at_once: int) -> None:
    ledger, works = book
    with ThreadPoolExecutor(num_at_once) as pool:
        done = list(pool.map(lambda work: replaying.replay(ledger, work), works))
    assert [one.says for one in done if not one.same] == []
    assert [one.work for one in done] == works
    kept = {stamp.body["work"]: ledger.content(stamp.body["content"]).decode() for stamp in ledger.stamps("release")}
    assert [one.content for one in done] == [kept[work] for work in works]


def test_another_platform_is_named(book: tuple[Ledger, list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    ledger, works = book
    here = replaying.computed_by(ROOM, load(ROOM, "tiny"), None)
    monkeypatch.setattr(replaying, "computed_by", lambda room, model, request: {**here, "cpu": "ABACUS"})
    done = replaying.replay(ledger, works[0])
    assert done.same
    assert done.differs == (f"cpu was {here['cpu']}, here it is ABACUS",)
    monkeypatch.setattr(replaying, "make", lambda room, request: iter(()))
    done = replaying.replay(ledger, works[0])
    assert not done.same
    assert "NOT the same; what is not as it was: cpu was" in done.says


def test_another_scheme_of_marks_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAKAR_HOME", str(tmp_path))
    policy = tmp_path / "lax.toml"
    policy.write_text(LAX)
    with open_ledger(tmp_path / "ledger.db") as ledger:
        work = makar.text("Say something", model="tiny", seed=1, max_tokens=8, policy=str(policy), ledger=ledger)
        then = work.record["mark"]["scheme"]
        later = dataclasses.replace(ROOM, marked=lambda request, index: {"scheme": "makar-text/9", "key": "0"})
        monkeypatch.setattr(replaying, "room_named", lambda name: later)
        done = replaying.replay(ledger, work.id)
    assert done.differs == (f"the mark was of the scheme {then}, here it is makar-text/9",)


def test_other_weights_are_named(book: tuple[Ledger, list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    ledger, works = book
    model = load(ROOM, "tiny")
    monkeypatch.setattr(model, "card", dataclasses.replace(model.card, sha256="f" * 64))
    with pytest.raises(BadInput, match=re.escape("cannot be made again here: the weights of 'tiny' were")):
        replaying.replay(ledger, works[0])


def test_what_is_not_there_or_was_not_made_by_a_model(book: tuple[Ledger, list[str]], tmp_path: Path,
                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadInput, match="no work that was made whole"):
        replaying.replay(book[0], "ffff")
    policy = tmp_path / "wary.toml"
    policy.write_text("otherwise = 'release'\n[actions]\nlanguage = 'hold'\n")
    monkeypatch.setattr(screen, "load_checks", lambda: [Check("language", lambda subject: Verdict(
        "language", subject.content.startswith("Une"), 0.0, "not French"))])
    with open_ledger(tmp_path / "own.db") as ledger:
        with pytest.raises(Withheld) as held:
            makar.text("Say it", model="tiny", seed=3, max_tokens=8, policy=str(policy), language="French",
                       mark=False, ledger=ledger)
        try:
            edited = review_queue.edit(ledger, held.value.id, "Une lanterne brûle au-dessus du port, et la mer est "
                                       "calme ce soir.", "Ada", "in French").id
        except Withheld as again:
            edited = again.id
        with pytest.raises(BadInput, match="written by a person over the work"):
            replaying.replay(ledger, edited)
        assert replaying.replay(ledger, held.value.id).same
