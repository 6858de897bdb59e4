"""HumanEval: what of an answer is run, what passes, and that leaving early is not passing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from makar.evaluate import humaneval
from makar.kit.errors import BadInput

ROW = {
    "task_id": "Own/0",
    "prompt": "from typing import List\n\n\ndef double(x: int) -> int:\n    return 2 * x\n\n\n"
              "def doubled(items: List[int]) -> List[int]:\n    \"\"\" Every item, doubled.\n    >>> doubled([1])\n"
              "    [2]\n    \"\"\"\n",
    "entry_point": "doubled",
    "test": "def check(candidate):\n    assert candidate([1, 2]) == [2, 4]\n    assert candidate([]) == []\n",
}
GOOD = "def doubled(items: List[int]) -> List[int]:\n    return [double(item) for item in items]\n"


def verdict(answer: str) -> tuple[bool, str]:
    return humaneval.passes(humaneval.program(ROW, answer, "reached"), "reached")


@pytest.mark.parametrize("answer", [
    GOOD,
    f"import math\n\n{GOOD}\nassert doubled([1]) == [3]\nprint(doubled([0]))",
    f"Here it is:\n```python\n{GOOD}```\nand an example:\n```python\ndoubled([1])\n```",
    f"{GOOD}\ndef cut_short(items:\n",
    "import functools\n\n@functools.lru_cache\ndef one() -> int:\n    return 1\n\nTWO = one() + one()\n\n"
    "def doubled(items):\n    return [TWO * item for item in items]",
    "    return [item + item for item in items]\n",
    "# -*- a comment first\n\n\n" + GOOD,
], ids=["plain", "examples", "fences", "cut short", "decorated", "body", "comment"])
def test_right_answers_pass_in_every_dress(answer: str) -> None:
    assert verdict(answer) == (True, "")


@pytest.mark.parametrize(("answer", "complaint"), [
    ("def doubled(items):\n    return items\n", "AssertionError"),
    ("def doubled(items):\n    raise SystemExit(0)\n", "before the tests ended"),
    ("def doubled(items):\n    import os\n    os._exit(0)\n", "before the tests ended"),
    ("def doubled(items):\n    return unheard_of\n", "NameError"),
    ("I cannot help with that.", "AssertionError"),
    ("", "AssertionError"),
], ids=["wrong", "SystemExit", "_exit", "NameError", "prose", "empty"])
def test_wrong_answers_fail_and_say_why(answer: str, complaint: str) -> None:
    passed, why = verdict(answer)
    assert not passed
    assert complaint in why


def test_an_endless_answer_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(humaneval, "LIMIT_S", 1.0)
    passed, why = verdict("def doubled(items):\n    while True: pass\n")
    assert not passed
    assert "stopped after 1 s" in why


def test_a_run_gives_one_item_per_problem(tmp_path: Path, scripted: Any) -> None:
    path = tmp_path / "data.jsonl"
    path.write_text("".join(json.dumps({**ROW, "task_id": f"Own/{n}"}) + "\n" for n in range(10)))
    model = scripted(answers=[GOOD if n % 2 else "def doubled(items):\n    return []\n" for n in range(10)])
    items = list(humaneval.run(model, humaneval.tasks(model, path)))
    assert {item.key: item.outcome["passed"] for item in items} == {f"Own/{n}": n % 2 == 1 for n in range(10)}
    figure, = humaneval.figures(items)
    assert (figure.name, figure.value) == ("pass@1", 0.5)
    assert figure.interval.low == pytest.approx(0.2366, abs=1e-4)


def test_the_prompt_holds_the_problem_and_opens_the_answer(scripted: Any) -> None:
    asked = humaneval.job(scripted(), ROW["prompt"])
    text = bytes(asked.prompt_ids).decode()
    assert ROW["prompt"].strip() in text
    assert text.endswith("```python\n")
    assert asked.sampling.temperature == 0


def test_bad_data_is_named(tmp_path: Path, scripted: Any) -> None:
    path = tmp_path / "data.jsonl"
    path.write_text(f"{json.dumps(ROW)}\n{json.dumps(ROW)}\n")
    with pytest.raises(BadInput, match="line 2: 'Own/0' was there before"):
        humaneval.tasks(scripted(), path)
    path.write_text(f'{json.dumps(ROW)}\n{{"task_id": "x"}}\n')
    with pytest.raises(BadInput, match="line 2 has no 'prompt'"):
        humaneval.tasks(scripted(), path)
