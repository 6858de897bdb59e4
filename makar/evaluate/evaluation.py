"""Runs a measure over a model and a file, goes on where an interrupted run stopped, and stamps the result."""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from makar.evaluate.measure import Item, Measure, Model, Result, Task
from makar.generate.artifact import this_platform
from makar.kit.config import canonical, to_json
from makar.kit.errors import BadInput
from makar.kit.files import disk_errors, sha256_bytes, sha256_file
from makar.kit.home import home

if TYPE_CHECKING:
    from makar.ledger import Ledger, Stamp


@dataclass(frozen=True)
class Evaluation:
    """One run of a measure, before it starts.

    limit: the first so many tasks only; None is all
    """

    measure: Measure
    model: Model
    data: Path
    limit: int | None = None

    @functools.cached_property
    def tasks(self) -> Sequence[Task]:
        """What the model will be asked.

        Raises: NotHere, BadInput
        """
        if self.limit is not None and self.limit < 1:
            raise BadInput(f"the limit is {self.limit}; it must be at least 1")
        return self.measure.tasks(self.model, self.data)[:self.limit]

    def journal(self) -> Path:
        """Where the items of an unfinished run are kept: one file per measure, settings, model and data."""
        identity = canonical([self.measure.name, self.measure.settings, self.model.sha256, self.model.arithmetic,
                              sha256_file(self.data)])
        return home() / "evaluations" / f"{self.measure.name}-{sha256_bytes(identity.encode())[:16]}.jsonl"


def evaluate(evaluation: Evaluation, on_item: Callable[[Item, int], None] | None = None) -> tuple[Result, list[Item]]:
    """The result and its items. Every item is written down at once; the same evaluation, run again, goes on from there.

    on_item: told of every item and of the number of tasks, those of an earlier run included

    Raises: NotHere, BadInput, OutOfRoom
    """
    tasks, journal = evaluation.tasks, evaluation.journal()
    done = {item.key: (item, seconds) for item, seconds in recorded(journal)}
    for item in _items(evaluation, tasks, done, journal):
        if on_item is not None:
            on_item(item, len(tasks))
    items = [done[task.key][0] for task in tasks]
    result = Result(
        measure=evaluation.measure.name,
        figures=evaluation.measure.figures(items),
        num_items=len(items),
        seconds=round(sum(done[task.key][1] for task in tasks), 3),
        model={"name": evaluation.model.name, "sha256": evaluation.model.sha256,
               "training_data": evaluation.model.training_data},
        data={"name": evaluation.data.name, "sha256": sha256_file(evaluation.data), "limit": evaluation.limit},
        settings=evaluation.measure.settings,
        platform={**this_platform("torch"), "arithmetic": dict(evaluation.model.arithmetic)},
    )
    return result, items


def stamp(result: Result, items: Sequence[Item], ledger: Ledger) -> Stamp:
    """Appends the result, with its items as content, to the ledger as an `evaluation`."""
    lines = "".join(f"{canonical(item)}\n" for item in items).encode()
    return ledger.append("evaluation", {**to_json(result), "items": sha256_bytes(lines)}, [lines])


def finish(evaluation: Evaluation) -> None:
    """Drops the journal of a run whose result is safe, so that the next run measures anew; a run of the first tasks
    alone leaves it to one of more, which goes on from there.
    """
    if evaluation.limit is None:
        evaluation.journal().unlink(missing_ok=True)


def recorded(journal: Path) -> Iterator[tuple[Item, float]]:
    """The items of an earlier run and the seconds each took; a line cut short by a kill is left out."""
    if not journal.exists():
        return
    for line in journal.read_text().splitlines():
        try:
            row = json.loads(line)
        except json.JSONDecodeError:
            continue  # the last line, cut by a kill: its task is simply asked again
        yield Item(row["key"], row["outcome"]), row["seconds"]


def _items(evaluation: Evaluation, tasks: Sequence[Task], done: dict[str, tuple[Item, float]],
           journal: Path) -> Iterator[Item]:
    for task in tasks:
        if task.key in done:
            yield done[task.key][0]
    start_s = time.monotonic()
    todo = [task for task in tasks if task.key not in done]
    if not todo:
        return
    with disk_errors(journal):
        journal.parent.mkdir(parents=True, exist_ok=True)
        with journal.open("a", encoding="utf-8") as file:
            file.write("\n" if journal.stat().st_size else "")  # closes a line that a kill cut short
            for item in evaluation.measure.run(evaluation.model, todo):
                seconds, start_s = time.monotonic() - start_s, time.monotonic()
                done[item.key] = (item, seconds)
                row = {"key": item.key, "outcome": item.outcome, "seconds": round(seconds, 4)}
                file.write(f"{json.dumps(row)}\n")
                file.flush()
                yield item
