from __future__ import annotations

import random

import pytest

from makar.checks import load_checks
from makar.verdict import Subject, Verdict

[CHECK] = load_checks(["repetition"])
LINES = [
    "He went to the market to buy bread.",
    "She stayed at home with the cat.",
    "They met at noon by the bridge.",
    "It rained all day long in the town.",
]
PARAGRAPH = "The fox went over the river to see his aunt, who was ill, and the moon shone bright above the hills. " * 2


def judge(text: str, media_type: str = "text/plain") -> Verdict:
    return CHECK.run(Subject(text, media_type))


@pytest.mark.parametrize(
    "text",
    [
        "Once upon a time. " + "I love you. " * 20,
        "the cat and the dog " * 12,
        "no " * 60,
        "ha" * 60,
        "a" * 200,
        "你好" * 40,
        (PARAGRAPH + "Then he came home. ") * 5,
        "".join(f"{i}. Check the oil and the tyres.\n" for i in range(1, 25)),
        "- the same line again\n" * 20,
        "!" * 900,
        "1 " * 400,
        "And so\n\n" * 30,
    ],
)
def test_loops(text: str) -> None:
    verdict = judge(text)
    assert not verdict.passed and verdict.score < 1 and "repeats" in verdict.reason
    assert verdict.spans[0].start > 0, "what is flagged begins where it has gone too far, not at the start"
    assert verdict.spans[-1].end >= len(text.rstrip()) - 1


def test_a_stretch_that_says_nothing_new() -> None:
    draw = random.Random(1)
    verdict = judge(" ".join(draw.choice(LINES) for _ in range(120)))
    assert not verdict.passed and "hardly anything new" in verdict.reason


@pytest.mark.parametrize(
    "text",
    [
        "",
        "never never never never never",
        "Bells, bells, bells, bells,\nBells, bells, bells!",
        "哈" * 20,
        "ha ha ha ha ha ha ha",
        "Row, row, row your boat\n" * 4,
        "- item\n" * 8,
        "| --- " * 12 + "|\n" + "| 1 | 2 |\n" * 10,
        "-" * 200,
        "=" * 120,
        "0, " * 90,
        "```\n" + "x = f(x)\n" * 20 + "```\n",
        "<td></td>" * 12,
        "".join(f"{n} x 7 = {7 * n}\n" for n in range(1, 21)),
        "".join(f"Chapter {n}\nThe sea.\n" for n in range(6)),
        "\n".join(f"{verse}\nAnd the wind blew on.\nAnd the wind blew on." for verse in LINES),
    ],
)
def test_refrains_tables_lists_and_code(text: str) -> None:
    assert judge(text).passed


def test_code_may_repeat_more_than_prose_but_not_for_ever() -> None:
    line = "x = f(x)\n"
    assert not judge(line * 20).passed
    assert judge(line * 20, "text/x-python").passed
    assert not judge(line * 100, "text/x-python").passed
