"""HellaSwag: which of four endings goes on from a context. No chat template, no examples, as in the usual harness.

The likelihood of an ending is the sum of the log-probabilities of its tokens after the context and one space. `acc`
takes the likeliest ending, `acc_norm` the one likeliest per character, so that a short ending has no advantage.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from makar.evaluate.measure import Figure, Item, Measure, Model, Task, read_lines, text_ids
from makar.evaluate.statistics import wilson
from makar.kit.errors import BadInput

NUM_ENDINGS = 4


def tasks(model: Model, path: Path) -> list[Task]:
    """The questions of a JSON-lines file with context, endings and label.

    Raises: NotHere, BadInput
    """
    rows = read_lines(path, {"context": str, "endings": list, "label": int})
    for where, row in rows:
        endings = row["endings"]
        if not row["context"]:
            raise BadInput(f"{where}: the context is empty")
        if len(endings) != NUM_ENDINGS or not all(isinstance(ending, str) and ending for ending in endings):
            raise BadInput(f"{where}: expected {NUM_ENDINGS} endings, none empty, got {endings!r}")
        if not 0 <= row["label"] < NUM_ENDINGS:
            raise BadInput(f"{where}: the label is {row['label']}, expected 0 to {NUM_ENDINGS - 1}")
    return [Task(str(number), row) for number, (_, row) in enumerate(rows)]


def likelihoods(model: Model, context: str, endings: Sequence[str]) -> list[float]:
    """Log-probability of each ending after `context` and a space, in nats.

    Source: Gao et al., Language Model Evaluation Harness, task hellaswag: a pair is tokenised as one text and
    the tokens beyond the context's own count belong to the ending; what exceeds the model's context is cut off it.
    """
    num_before = len(text_ids(model, context))
    pairs = [text_ids(model, f"{context} {ending}") for ending in endings]
    befores = {tuple(ids[:num_before]) for ids in pairs}
    afters = [ids[num_before:] for ids in pairs]
    if len(befores) == 1:  # always, unless a token reaches over the border
        before = befores.pop()[-(model.context_tok - max(map(len, afters))):]
        return [float(found.sum()) for found in model.score_endings(before, afters)]
    return [float(model.score(ids[-model.context_tok:])[-len(after):].sum())
            for ids, after in zip(pairs, afters, strict=True)]


def run(model: Model, todo: Sequence[Task]) -> Iterator[Item]:
    """For each question the four likelihoods and whether each rule picks the right ending."""
    for task in todo:
        row = task.content
        sums = likelihoods(model, row["context"], row["endings"])
        per_character = [value / len(ending) for value, ending in zip(sums, row["endings"], strict=True)]
        yield Item(task.key, {
            "label": row["label"],
            "log_probs": [round(value, 4) for value in sums],
            "acc": sums.index(max(sums)) == row["label"],
            "acc_norm": per_character.index(max(per_character)) == row["label"],
        })


def figures(items: Sequence[Item]) -> tuple[Figure, ...]:
    """acc_norm, which is the published one, and acc."""
    found = []
    for name in ("acc_norm", "acc"):
        num_right = sum(item.outcome[name] for item in items)
        found.append(Figure(name, num_right / len(items), wilson(num_right, len(items)), share=True))
    return tuple(found)


MEASURE = Measure(
    name="hellaswag",
    summary="share of contexts whose right ending of four is the likeliest",
    settings={"num_shots": 0, "separator": " ", "normalised_by": "characters of the ending"},
    tasks=tasks, run=run, figures=figures,
)
