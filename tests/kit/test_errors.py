"""What is said of a name that nobody knows."""

from __future__ import annotations

from makar.kit.errors import MOST_LISTED, Damaged, UnknownName


def test_few_names_are_listed_and_the_nearest_is_meant() -> None:
    assert str(UnknownName("setting", "acept", ("stated", "accept"))) == (
        "unknown setting 'acept'; did you mean 'accept'? Known: accept, stated")
    assert str(UnknownName("check", "x", ())) == "unknown check 'x'. Known: none"


def test_of_many_names_the_first_are_listed() -> None:
    names = [f"{number:05}.txt" for number in range(10_000)]
    said = str(UnknownName("document", "7777.txt", names))
    assert "did you mean" in said and said.endswith(f"{names[MOST_LISTED - 1]} and {10_000 - MOST_LISTED:,} more")
    assert len(said) < 1_000


def test_a_message_is_one_line_whatever_it_quotes() -> None:
    said = str(Damaged("the key 'a\tb\n\x1b[2J\u2028' of größe 3 is unknown"))
    assert said == r"the key 'a\tb\n\x1b[2J\u2028' of größe 3 is unknown"
