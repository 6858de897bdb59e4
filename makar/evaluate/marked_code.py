"""Whether the mark costs correctness: HumanEval's problems, each solved twice from one seed, marked and not.

Answers are drawn by default sampling, since greedy ones are never marked; they are asked for and judged as HumanEval's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import comb
from pathlib import Path

from makar.evaluate import humaneval
from makar.evaluate.measure import Figure, Item, Measure, Model, Task
from makar.evaluate.statistics import bootstrap_ratio, wilson
from makar.marks.key import current_key
from makar.marks.tournament import SCHEME
from makar.methods.autoregress import Job, Sampling

KINDS = ("marked", "unmarked")


def tasks(model: Model, path: Path) -> list[Task]:
    """Every problem of HumanEval's file marked, then unmarked.

    Raises: NotHere, BadInput
    """
    return [Task(f"{task.key} {kind}", {**task.content, "kind": kind, "seed": number})
            for number, task in enumerate(humaneval.tasks(model, path)) for kind in KINDS]


def job(model: Model, task: Task, key_id: str) -> Job:
    """What the model is asked, and how its answer is drawn."""
    greedy = humaneval.job(model, task.content["prompt"])
    mark = key_id if task.content["kind"] == "marked" else ""
    usual = Sampling(max_tok=humaneval.MAX_TOK, stop=humaneval.STOP, seed=task.content["seed"], mark=mark)
    return replace(greedy, sampling=usual)


def run(model: Model, todo: Sequence[Task]) -> Iterator[Item]:
    """For each answer whether it passed its tests, and why not."""
    key = current_key()
    for index, answer in humaneval.answers(model, (job(model, task, key.id) for task in todo)):
        row = todo[index].content
        passed, complaint = humaneval.judged(row, answer)
        yield Item(todo[index].key, {"kind": row["kind"], "problem": row["task_id"], "passed": passed,
                                     "complaint": complaint, "answer": answer})


def figures(items: Sequence[Item]) -> tuple[Figure, ...]:
    """pass@1 of both, and how much more of the problems that were solved both ways pass with the mark.

    Source: McNemar 1947, Psychometrika 12 (the exact test of paired shares)
    """
    passed = {kind: {item.outcome["problem"]: item.outcome["passed"] for item in items
                     if item.outcome["kind"] == kind} for kind in KINDS}
    shares = [Figure(f"pass@1, {kind} ({len(found)})", sum(found.values()) / len(found),
                     wilson(sum(found.values()), len(found)), share=True) for kind, found in passed.items() if found]
    both = sorted(passed["marked"].keys() & passed["unmarked"].keys())
    if not both:
        return tuple(shares)
    differences = [float(passed["marked"][name]) - float(passed["unmarked"][name]) for name in both]
    won, lost = (sum(difference == sign for difference in differences) for sign in (1, -1))
    interval = bootstrap_ratio(differences, [1.0] * len(both))
    return (*shares, Figure(f"marked less unmarked ({won} gained, {lost} lost, p = {mcnemar(won, lost):.2g})",
                            sum(differences) / len(both), interval, share=True))


def mcnemar(won: int, lost: int) -> float:
    """How likely coins are to fall as unevenly, to either side."""
    num = won + lost
    return min(1.0, 2 * sum(comb(num, k) for k in range(min(won, lost) + 1)) / 2**num)


MEASURE = Measure(
    name="marked-code",
    summary="functions that pass their tests, drawn with the mark and without it",
    settings={**humaneval.MEASURE.settings, "scheme": SCHEME.name, "temperature": Sampling().temperature,
              "sampling": "default"},
    tasks=tasks, run=run, figures=figures,
)
