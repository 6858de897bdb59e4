"""Texts that a model writes with and without the mark, and how well the mark is found in them."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from makar.codecs.chat import Message
from makar.evaluate.marks.prompts import PREDICTABLE, PROSE
from makar.evaluate.measure import Item, Model, Task
from makar.marks.key import MarkKey, current_key
from makar.marks.text import Weigh, detect
from makar.marks.tokenizers import Known
from makar.methods.autoregress import Job, Sampling

NUM_ROUNDS = 8
MOST_TOK = 440
LENGTHS_TOK = (50, 100, 150, 200, 300, 400)
WEIGHED_TOK = (200, 400)
EDITS_FRAC = (0.1, 0.2, 0.3, 0.4, 0.5)
TOGETHER = 16
AT_LENGTH = "Use at least 600 words."


@dataclass(frozen=True)
class Writing:
    """One text to be written. kind: prose, plain (the same prompt and seed without the mark) or predictable."""

    kind: str
    prompt: str
    seed: int


def writings() -> list[Task]:
    """Every prompt in turn, under new seeds in every round: a prose text, its unmarked twin, and a third as often a
    predictable one."""
    tasks = []
    for number in range(NUM_ROUNDS * len(PROSE)):
        prompt, seed = f"{PROSE[number % len(PROSE)]} {AT_LENGTH}", 1000 + number
        tasks += [Task(f"{kind}-{number:03}", Writing(kind, prompt, seed)) for kind in ("prose", "plain")]
        if number % 3 == 0:
            asked = PREDICTABLE[number // 3 % len(PREDICTABLE)]
            tasks.append(Task(f"predictable-{number // 3:03}", Writing("predictable", asked, 5000 + number)))
    return tasks


def written(model: Model, todo: Sequence[Task], judge: Model | None) -> Iterator[Item]:
    """Writes the texts, several together, and looks for the mark in each.

    judge: another model, which says how surprising each text is to it
    """
    key = current_key()
    for start in range(0, len(todo), TOGETHER):
        group = todo[start:start + TOGETHER]
        texts = [""] * len(group)
        for piece in model.run([_job(model, task.content, key) for task in group]):
            texts[piece.index] += piece.text
        for task, text in zip(group, texts, strict=True):
            outcome: dict[str, Any] = {"kind": task.content.kind, "seed": task.content.seed, "text": text}
            if judge is not None:
                outcome["judged"] = judged(judge, text)
            yield Item(task.key, {**outcome, **looked(model, text, key)})


def _job(model: Model, asked: Writing, key: MarkKey) -> Job:
    sampling = Sampling(max_tok=MOST_TOK, seed=asked.seed, mark="" if asked.kind == "plain" else key.id)
    return Job(tuple(model.render([Message("user", asked.prompt)])), sampling)


def judged(judge: Model, text: str) -> tuple[float, int]:
    """The surprise of a text to another model, in nats, and over how many tokens."""
    ids = judge.tokenizer.encode(text)[:judge.context_tok]
    return (0.0, 0) if len(ids) < 2 else (-float(judge.score(ids).sum()), len(ids) - 1)


def looked(model: Model, text: str, key: MarkKey) -> dict[str, Any]:
    """The p-values of the text's beginnings of several lengths, of edited forms, and weighed by the choice that the
    model had."""
    tokenizer: Any = model.tokenizer
    known, ids = Known((model.name,), tokenizer), tokenizer.encode(text)

    def p_value(some: Sequence[int], weigh: Weigh | None = None) -> float:
        return detect(tokenizer.decode(some), keys=[key], tokenizers=[known], weigh=weigh).p_value

    def choice(some: Sequence[int]) -> list[float]:
        return [0.0, *model.choice(some).tolist()]

    lengths = [length for length in LENGTHS_TOK if length <= len(ids)]
    found: dict[str, Any] = {"num_tok": len(ids)}
    found["by_length"] = {str(length): p_value(ids[:length]) for length in lengths}
    found["by_length_weighed"] = {str(length): p_value(ids[:length], choice) for length in lengths
                                  if length in WEIGHED_TOK}
    if len(ids) >= LENGTHS_TOK[-1]:
        changed = {str(frac): edited(ids[:LENGTHS_TOK[-1]], frac) for frac in EDITS_FRAC}
        found["by_edits"] = {frac: p_value(some) for frac, some in changed.items()}
        found["by_edits_weighed"] = {frac: p_value(some, choice) for frac, some in changed.items()}
    return found


def edited(ids: Sequence[int], frac: float) -> list[int]:
    """The tokens after a careless editor: this share of them left out, doubled by another, or replaced by another, a
    third each; the others are tokens of the text itself."""
    chance, out = random.Random(f"{frac} {list(ids[:8])}"), list[int]()
    for token in ids:
        if chance.random() >= frac:
            out.append(token)
            continue
        what = chance.randrange(3)
        out += [[], [token, chance.choice(ids)], [chance.choice(ids)]][what]
    return out
