"""The check `originality`: what goes over the limit is found as it is made, by licence, and none of it leaves."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from makar.checks.originality import CHECK
from makar.checks.originality import settings as settings_of
from makar.kit.errors import BadInput, Damaged, NotHere, UnknownName
from makar.review import Screen, decide, load_policy
from makar.tracing.limits import Limits
from makar.tracing.shelf import build_index
from makar.verdict import Subject, Verdict

WORDS = [f"{a}{b}{c}" for a in ("ka", "to", "mi", "su", "re") for b in ("lan", "vor", "pet", "gim") for c in "aeiouy"]
COPIED = " ".join(WORDS)  # 120 words, each once
FREE = " ".join(reversed(WORDS))
OWN = " ".join(f"own{number} words{number}," for number in range(200))


@pytest.fixture
def books(tmp_path: Path) -> Path:
    """One document to quote, one that is blocked, one that is free, and a policy that says so."""
    for name, licence, text in (("quoted", "CC-BY-4.0", COPIED), ("blocked", "GPL-3.0-only", COPIED.upper()),
                                ("free", "CC0-1.0", FREE)):
        (tmp_path / "books").mkdir(exist_ok=True)
        (tmp_path / "books" / f"{name}.txt").write_text(f"SPDX-License-Identifier: {licence}\n\n{text}\n")
    build_index(tmp_path / "books", tmp_path / "index")
    policy(tmp_path)
    return tmp_path


def policy(folder: Path, action: str = "refuse") -> None:
    (folder / "policy.toml").write_text(
        f'extends = "default"\n[actions]\noriginality = "{action}"\n[originality]\ncorpora = ["index"]\n'
        'limit_tok = 30\nblock_tok = 10\n[originality.licences]\n"GPL-*" = "block"\n"CC0-1.0" = "attribute"\n')


def judged(folder: Path, text: str) -> Verdict:
    return CHECK.run(Subject(text, "text/plain", load_policy(folder / "policy.toml").asked))


def test_a_quotation_up_to_the_limit_passes(books: Path) -> None:
    text = f"{OWN} {' '.join(WORDS[40:70])} {OWN}"
    verdict = judged(books, text)
    assert verdict.passed and verdict.score == 1.0
    assert "30 tokens" in verdict.reason and "other data were not looked in" in verdict.reason


@pytest.mark.parametrize("num_over", [1, 2, 30])
def test_what_goes_over_is_found_and_nothing_else(books: Path, num_over: int) -> None:
    quote, over = " ".join(WORDS[20:50]), " ".join(WORDS[50:50 + num_over])
    text = f"{OWN} {quote}\n{over} {OWN}"
    verdict = judged(books, text)
    assert not verdict.passed
    assert [text[span.start:span.end] for span in verdict.spans] == [over]
    assert f"{num_over} tokens" in verdict.reason and "quoted.txt (CC-BY-4.0)" in verdict.reason


def test_a_blocked_licence_has_its_own_limit(books: Path) -> None:
    shout = [word.upper() for word in WORDS]
    assert judged(books, f"{OWN} {' '.join(shout[:10])} {OWN}").passed
    verdict = judged(books, f"{OWN} {' '.join(shout[:11])} {OWN}")
    assert not verdict.passed and "blocked.txt (GPL-3.0-only)" in verdict.reason


def test_what_is_free_passes_and_is_attributed(books: Path) -> None:
    verdict = judged(books, FREE)
    assert verdict.passed
    assert verdict.reason.endswith("attribute: free.txt (CC0-1.0)")


@pytest.mark.parametrize("size", [1, 3, 50, 10_000])
@pytest.mark.parametrize("lead", [0, 1, 150, 333])
@pytest.mark.parametrize("action", ["refuse", "hold", "mask"])
def test_no_byte_over_the_limit_leaves_a_stream(books: Path, size: int, lead: int, action: str) -> None:
    policy(books, action)
    found = load_policy(books / "policy.toml")
    text = f"{OWN[:lead]} {COPIED} {OWN}"
    screen = Screen(found, Subject("", "text/plain", found.asked), checks=[CHECK])
    assert screen.live
    left = "".join([*(screen.push(text[at:at + size]) for at in range(0, len(text), size)), screen.finish()])
    quote = f"{OWN[:lead]} {' '.join(WORDS[:30])} "
    assert WORDS[30] not in left
    if action == "mask":
        assert left == f"{quote}[verbatim copy removed] {OWN}"
        assert decide(found, screen.verdicts).action == "mask"
    else:
        assert quote.startswith(left)
        assert screen.stopped is not None and screen.stopped.check == "originality"
        assert decide(found, screen.verdicts).action == action


def test_long_gaps_and_long_words_leak_nothing(books: Path) -> None:
    found = load_policy(books / "policy.toml")
    text = f"{(' ' * 400).join(WORDS[:40])} {'x' * 3000} {OWN}"
    screen = Screen(found, Subject("", "text/plain", found.asked), checks=[CHECK])
    left = "".join([*(screen.push(character) for character in text), screen.finish()])
    assert WORDS[30] not in left
    assert WORDS[2] in left


PIECES = st.lists(st.one_of(st.tuples(st.integers(0, 119), st.integers(1, 45)).map(
    lambda at: " ".join(WORDS[at[0]:at[0] + at[1]])), st.sampled_from(["own", " ", "\n\n", "ka", "." * 50, "y" * 70])),
    max_size=6).map(" ".join)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(PIECES, st.data())
def test_what_follows_changes_nothing_before_the_hold_back(books: Path, text: str, data: st.DataObject) -> None:
    asked = load_policy(books / "policy.toml").asked
    cut = data.draw(st.integers(0, len(text)))
    settled = cut - CHECK.hold_back_chars
    whole, part = (CHECK.run(Subject(one, "text/plain", asked)).spans for one in (text, text[:cut]))
    begun = [[span.start for span in spans if span.start < settled] for spans in (whole, part)]
    assert begun[0] == begun[1]
    assert [span for span in part if span.end < settled] == [span for span in whole if span.end < settled]


def test_without_corpora_there_is_nothing_to_judge() -> None:
    from makar.checks import applicable

    assert not applicable(CHECK, Subject("text", "text/plain", load_policy("default").asked))


@pytest.mark.parametrize(("table", "error", "words"), [
    ('corpora = []', BadInput, "names no corpora"),
    ('limit_tok = 5', BadInput, "missing setting corpora"),
    ('corpora = ["index"]\nlimit_tok = 0', BadInput, "at least 1"),
    ('corpora = ["index"]\nrule = "quot"', UnknownName, "did you mean 'quote'"),
    ('corpora = ["index"]\nlimit = 5', UnknownName, "limit_tok"),
    ('corpora = ["index"]\nlimit_tok = "5"', BadInput, "expected int"),
    ('corpora = ["nowhere"]', UnknownName, "nowhere"),
    ('corpora = 7', BadInput, "corpora"),
    ('corpora = ["books"]', NotHere, "makar index"),
    ('corpora = ["index"]\nlicences = ["MIT"]', BadInput, "licences"),
])
def test_a_policy_that_cannot_be_used(books: Path, table: str, error: type[Exception], words: str) -> None:
    (books / "bad.toml").write_text(f"[originality]\n{table}\n")
    with pytest.raises(error, match=words):
        load_policy(books / "bad.toml")


def test_a_corpus_that_changed_is_refused(books: Path) -> None:
    asked = load_policy(books / "policy.toml").asked
    (books / "books" / "new.txt").write_text("new words")
    with pytest.raises(Damaged, match="has changed"):
        load_policy(books / "policy.toml")
    build_index(books / "books", books / "index")
    with pytest.raises(Damaged, match="no longer the one"):
        CHECK.run(Subject("text", "text/plain", asked))


@pytest.mark.parametrize(("licence", "rule"), [
    ("MIT", "attribute"), ("GPL-3.0-only", "block"), ("unknown", "quote"), ("MIT OR GPL-3.0-only", "attribute"),
    ("MIT AND GPL-3.0-only", "block"), ("Apache-2.0 OR unknown", "quote")])
def test_the_rule_of_a_licence(licence: str, rule: str) -> None:
    assert Limits(("x",), licences={"MIT": "attribute", "GPL-*": "block"}).rule_of(licence) == rule


def test_settings_name_the_corpora_exactly(books: Path) -> None:
    asked = settings_of({"corpora": [str(books / "index")]}, Path())
    assert asked["corpora"] == [str(books / "index")]
    assert len(asked["roots"][0]) == 64
