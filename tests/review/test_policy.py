from __future__ import annotations

from pathlib import Path

import pytest

from makar.checks import check_names
from makar.kit.errors import BadInput, MakarError, NotHere, UnknownName
from makar.review import Policy, decide, load_policy, mask
from makar.verdict import Span, Verdict


def write(folder: Path, text: str) -> Path:
    path = folder / "house.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["default", "strict"])
def test_built_in_policies_name_every_check(name: str) -> None:
    policy = load_policy(name)
    assert policy.name == name
    assert sorted(policy.actions) == check_names()


def test_strict_is_nowhere_softer_than_default() -> None:
    hardness = ("release", "mask", "hold", "refuse").index
    default, strict = load_policy("default"), load_policy("strict")
    assert all(hardness(strict.action(check)) >= hardness(default.action(check)) for check in [*check_names(), "other"])


def test_a_file_changes_what_it_extends(tmp_path: Path) -> None:
    path = write(tmp_path, 'extends = "default"\nmask = "<<{label}>>"\n')
    with pytest.raises(BadInput, match="quote, backslash or markup"):
        load_policy(path)
    path = write(
        tmp_path, 'extends = "default"\notherwise = "refuse"\nmask = "({label})"\n[actions]\nsecrets = "hold"\n'
    )
    policy = load_policy(path)
    assert (policy.name, policy.mask) == ("house", "({label})")
    assert [policy.action(name) for name in ("secrets", "personal_data", "other")] == ["hold", "mask", "refuse"]


def test_a_file_that_extends_nothing_holds_what_it_does_not_name(tmp_path: Path) -> None:
    policy = load_policy(write(tmp_path, 'name = "mine"\n[actions]\nsecrets = "release"\n'))
    assert (policy.name, policy.action("secrets"), policy.action("language")) == ("mine", "release", "hold")


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ('extend = "default"', UnknownName, "'extend'; did you mean 'extends'"),
        ('extends = "strickt"', UnknownName, "did you mean 'strict'"),
        ('[actions]\nsecret = "hold"', UnknownName, "unknown check 'secret'; did you mean 'secrets'"),
        ('[actions]\nsecrets = "reject"', UnknownName, "unknown action 'reject'"),
        ("otherwise = 3", UnknownName, "unknown action '3'"),
        ('actions = "hold"', BadInput, "should be a table"),
        ('mask = "[{name}]"', BadInput, "may name only {label}"),
        ('mask = "[{label"', BadInput, "mask"),
        ('mask = "[{label!r}]"', BadInput, "may name only"),
        ('mask = ""', BadInput, "one line of text"),
        ("name = [", BadInput, "is not TOML"),
    ],
)
def test_what_a_file_may_not_say(tmp_path: Path, text: str, error: type[MakarError], said: str) -> None:
    with pytest.raises(error) as raised:
        load_policy(write(tmp_path, text))
    assert said in str(raised.value)


def test_a_policy_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="did you mean 'default'"):
        load_policy("defualt")
    with pytest.raises(NotHere):
        load_policy(tmp_path / "none.toml")


def verdict(check: str, *spans: Span) -> Verdict:
    return Verdict(check, False, 0.0, f"{check} found", spans)


POLICY = Policy("p", {"a": "release", "b": "mask", "c": "hold", "d": "refuse"}, otherwise="hold")


@pytest.mark.parametrize(
    ("failed", "action"),
    [("", "release"), ("a", "release"), ("ab", "mask"), ("abc", "hold"), ("dcba", "refuse"), ("z", "hold")],
)
def test_the_hardest_action_wins_and_every_reason_is_given(failed: str, action: str) -> None:
    passed = Verdict("d", True, 1.0, "fine")
    decision = decide(POLICY, [passed, *(verdict(check, Span(0, 1, "x")) for check in failed)])
    assert (decision.action, decision.by, len(decision.reasons)) == (action, "policy:p", len(failed))
    assert all(f"{check}: {check} found" in " ".join(decision.reasons) for check in failed)


def test_a_mask_without_a_place_is_held() -> None:
    assert decide(POLICY, [verdict("b")]).action == "hold"


def test_overlapping_spans_become_one_mask() -> None:
    spans = (Span(4, 9, "late"), Span(2, 6, "early"), Span(12, 13, "x"))
    assert mask("0123456789abcdef", [verdict("b", *spans), verdict("d", Span(0, 1, "no"))], POLICY) == (
        "01[early removed]9ab[x removed]def"
    )
