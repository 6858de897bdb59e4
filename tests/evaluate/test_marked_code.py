"""contract: problems are solved twice from one seed, with the mark and without, and the difference is a paired one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from test_humaneval import GOOD, ROW

from makar.evaluate import marked_code
from makar.evaluate.evaluation import Evaluation, evaluate
from makar.evaluate.measure import Item
from makar.marks.key import current_key


def test_each_problem_is_solved_twice(scripted, tmp_path: Path) -> None:
    data = tmp_path / "problems.jsonl"
    data.write_text("".join(f"{json.dumps({**ROW, 'task_id': f'Own/{number}'})}\n" for number in range(2)))
    model = scripted(answers=[GOOD, "no", GOOD, GOOD])
    result, items = evaluate(Evaluation(marked_code.MEASURE, model, data))
    assert [item.outcome["passed"] for item in items] == [True, False, True, True]
    marks = [(job.sampling.mark, job.sampling.seed, job.sampling.temperature > 0) for job in model.asked]
    assert marks == [(current_key().id, 0, True), ("", 0, True), (current_key().id, 1, True), ("", 1, True)]
    assert [round(figure.value, 3) for figure in result.figures] == [1.0, 0.5, 0.5]


def test_the_test_of_pairs() -> None:
    assert marked_code.mcnemar(0, 0) == 1
    assert marked_code.mcnemar(5, 0) == pytest.approx(2 / 32)
    assert marked_code.mcnemar(3, 4) == 1
    alone = [Item("a", {"kind": "marked", "problem": "a", "passed": True})]
    assert [figure.name for figure in marked_code.figures(alone)] == ["pass@1, marked (1)"]
