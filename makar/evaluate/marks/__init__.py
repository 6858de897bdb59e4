"""How well works are recognised by their marks: false positives on human text, true positives on what the model
writes, after edits too, and whether the mark costs quality.

The data are text that people wrote: a text file, or a tar archive of `.txt` files. False positives are counted in
passages of 200 tokens that move on by half, each thousand under four keys of its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from makar.evaluate.marks import passages, writing
from makar.evaluate.marks.figures import figures
from makar.evaluate.marks.page import page
from makar.evaluate.measure import Item, Measure, Model, Task
from makar.kit.errors import MakarError
from makar.marks.text import THRESHOLD
from makar.marks.tokenizers import Known
from makar.marks.tournament import SCHEME

JUDGES = ("smollm2-135m", "qwen2.5-coder-0.5b")
KEPT_BELOW = 0.1


def tasks(model: Model, path: Path) -> list[Task]:
    """The human passages a thousand at a time, then what the model writes.

    Raises: NotHere, BadInput
    """
    found = passages.blocks(path, model.tokenizer)
    return [*(Task(f"human-{number:04}", block) for number, block in enumerate(found)), *writing.writings()]


def run(model: Model, todo: Sequence[Task]) -> Iterator[Item]:
    """For a block of passages the p-values below a tenth; for a text itself and its p-values."""
    tokenizer: Any = model.tokenizer
    known = Known((model.name,), tokenizer)
    for task in todo:
        if task.key.startswith("human-"):
            found = passages.p_values(task.content, int(task.key.removeprefix("human-")), known)
            low = sorted(round(math.log10(p), 3) for p in found if p < KEPT_BELOW)
            yield Item(task.key, {"kind": "human", "num": len(found), "log10_p": low})
    texts = [task for task in todo if not task.key.startswith("human-")]
    if texts:
        yield from writing.written(model, texts, _judge(model.name))


def _judge(name: str) -> Model | None:
    """Another model that is here already, to judge what this one wrote."""
    from makar import store
    from makar.generate.load import load
    from makar.room import room

    for judge in JUDGES:
        if judge != name:
            try:
                store.stored(judge, pull=False)
            except MakarError:
                continue  # not on this machine: the next one, or none
            found: Model = load(room("text"), judge)
            return found
    return None


MEASURE = Measure(
    name="marks",
    summary="how surely works are recognised by their marks, and what else seems to carry them",
    settings={"scheme": SCHEME.name, "threshold": THRESHOLD, "passage_tok": passages.PASSAGE_TOK,
              "stride_tok": passages.STRIDE_TOK, "looks": passages.LOOKS, "lengths_tok": list(writing.LENGTHS_TOK),
              "edits_frac": list(writing.EDITS_FRAC), "sampling": "default", "most_tok": writing.MOST_TOK,
              "passed_over": writing.PASSED_OVER},
    tasks=tasks, run=run, figures=figures, page=page,
)
