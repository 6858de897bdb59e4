"""The steps one by one: normalising, parts, languages, rules of quality, splits."""

from __future__ import annotations

from pathlib import Path

import pytest
from planted import long_prose
from sentences import prose

from makar.curation.language import LanguageConfig, told
from makar.curation.normalise import NormaliseConfig, normalise, parts, plain
from makar.curation.quality import QualityConfig, broken_rules, quality, units
from makar.curation.record import Record
from makar.curation.source import SourceFile, begun
from makar.curation.splits import SplitsConfig, splits

FILE = SourceFile(Path("x.txt"), "x.txt", Path("."))
CODE = SourceFile(Path("x.py"), "x.py", Path("."), "code", "python")


def rules(text: str, *, code: bool = False, language: str = "en") -> set[str]:
    """The rules that a text breaks."""
    file = CODE if code else SourceFile(Path("x.txt"), "x.txt", Path("."), "prose", language)
    return {name for name, _ in broken_rules(begun(file, text), QualityConfig())}


def test_one_spelling() -> None:
    assert plain("cafe\u0301\r\nnext\rlast  \n\n\n\n\nend\x07\ufeff") == "café\nnext\nlast\n\n\nend\n"
    assert plain("a\u00a0b\n") == "a\u00a0b"
    assert plain("x = 'e\u0301'  \r\n", code=True) == "x = 'e\u0301'  \n"
    assert plain(plain("a\r\n\u2029 b")) == plain("a\r\n\u2029 b")


def test_long_prose_is_divided_and_nothing_is_lost() -> None:
    text = "\n\n".join(prose(seed) for seed in range(40))
    divided = list(parts(text, 2_000))
    assert all(len(part) <= 2_000 for part in divided)
    assert all(len(part) >= 1_000 for part in divided[:-1])
    assert " ".join(" ".join(divided).split()) == " ".join(text.split())
    assert list(parts("x" * 45, 10)) == ["x" * 10] * 4 + ["x" * 5]
    drops: list[str] = []
    records = list(normalise([begun(FILE, text), begun(FILE, " \n ")], NormaliseConfig(2_000),
                             lambda one, reason, rule: drops.append(reason)))
    assert [one.content for one in records] == divided
    assert len({one.id for one in records}) == len(divided)
    assert records[2].source == "x.txt#part=3"
    assert drops == ["empty"]


@pytest.mark.parametrize(("text", "expected"), [
    ("The kettle sings in the small kitchen, and the rain falls softly on the slate roof of the house.", "en"),
    ("Der Kessel singt in der kleinen Küche, und der Regen fällt leise auf das Dach des alten Hauses.", "de"),
    ("La bouilloire chante dans la petite cuisine et la pluie tombe doucement sur le toit de la maison.", "fr"),
    ("12 34 56", ""), ("", "")])
def test_languages(text: str, expected: str) -> None:
    assert told(text, LanguageConfig())[0] == expected


def test_good_prose_breaks_no_rule() -> None:
    assert rules(prose(1)) == set()
    wrapped = "\n".join(prose(2).replace("\n\n", " ").split(". "))
    assert rules(wrapped) <= {"fineweb_ended_lines"}


@pytest.mark.parametrize(("text", "rule"), [
    ("Too short to be told apart.", "gopher_words"),
    (" ".join(["internationalisation-of-words"] * 80), "gopher_mean_word_chars"),
    (" ".join(["12", "34", "word"] * 40), "gopher_words_with_letter"),
    (long_prose(1), "gopher_stop_words"),
    (prose(1).replace(" ", " # "), "gopher_symbols"),
    ("\n".join(f"- {line} it." for line in prose(1).replace("\n", " ").split(".")), "gopher_bullets"),
    (prose(1).replace(". ", "...\n"), "gopher_ellipsis"),
    ((prose(1, 4) + "\n") * 4, "gopher_repeated_paragraphs"),
    ("the same line again and again.\n" * 20, "gopher_repeated_lines"),
    (" ".join(["the bread and"] * 40), "gopher_top_2_gram"),
    (prose(1, 6) + prose(1, 6), "gopher_repeated_10_gram"),
    (prose(1) + " Lorem ipsum dolor.", "c4_lorem_ipsum"),
    (prose(1) + " Please enable JavaScript.", "c4_javascript"),
    ("\n".join(prose(1).split()[:60]), "fineweb_short_lines"),
    ("\n".join(line + " and then some more of the words" for line in prose(1).split(".")), "fineweb_ended_lines"),
])
def test_each_rule_of_prose(text: str, rule: str) -> None:
    assert rule in rules(text)


@pytest.mark.parametrize(("text", "rule"), [
    ("x = '" + "a" * 1_001 + "'", "starcoder_line_chars"), (("y" * 150 + "\n") * 9, "starcoder_mean_line_chars"),
    ("[[((" * 20, "starcoder_alphanumeric"), ("# DO NOT EDIT: made by a tool\nx = 1\n", "generated")])
def test_each_rule_of_code(text: str, rule: str) -> None:
    assert rule in rules(text, code=True)


def test_rules_of_english_do_not_judge_other_languages() -> None:
    assert "gopher_stop_words" not in rules(long_prose(1), language="de")
    chinese = "今天天气很好，我们去公园散步。" * 3 + "明天可能会下雨，所以要带伞。"
    assert {name for name in rules(chinese, language="zh") if "word" in name} == set()


def test_units_are_paragraphs_where_lines_were_wrapped() -> None:
    wrapped = "\n\n".join("\n".join(["a line of about forty characters, not more"] * 5) for _ in range(3))
    assert len(units(wrapped)) == 3
    assert len(units("one\ntwo\nthree")) == 3


def test_a_drop_names_rule_and_numbers_and_rules_can_be_off() -> None:
    drops: list[tuple[str, str]] = []
    short = begun(FILE, "Too short.")

    def drop(record: Record, reason: str, rule: str) -> None:
        drops.append((reason, rule))

    assert list(quality([short], QualityConfig(), drop)) == []
    assert drops == [("quality", "gopher_words: 2 words; expected 50 to 100,000")]
    assert list(quality([short], QualityConfig(enabled=False), drop)) == [short]


def test_splits_have_their_shares() -> None:
    records = [begun(FILE, f"text {number}") for number in range(4_000)]
    config = SplitsConfig(0.1, 0.05)
    found = [one.split for one in splits(records, config)]
    assert abs(found.count("validation") - 400) < 5 * (4_000 * 0.1 * 0.9) ** 0.5
    assert abs(found.count("test") - 200) < 5 * (4_000 * 0.05 * 0.95) ** 0.5
    assert found == [one.split for one in splits(records, config)]
    assert found != [one.split for one in splits(records, SplitsConfig(0.1, 0.05, salt="x"))]
