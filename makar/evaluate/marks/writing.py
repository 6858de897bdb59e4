"""Texts that a model writes with and without the mark, and how well the mark is found in them.

Writing takes most of the time and looking little: texts are kept beside the journal, and looked at anew in every run.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from makar.codecs.chat import Message
from makar.evaluate.marks.passages import other_key
from makar.evaluate.marks.prompts import PREDICTABLE, PROSE
from makar.evaluate.measure import Item, Model, Task
from makar.kit.config import canonical
from makar.kit.files import disk_errors, sha256_bytes
from makar.kit.home import home
from makar.marks.key import MarkKey, current_key
from makar.marks.likelihood import Guess, Guesses, Speaker
from makar.marks.text import THRESHOLD, p_values
from makar.marks.tokenizers import Known
from makar.marks.tournament import SCHEME
from makar.methods.autoregress import Job, Sampling

NUM_PROSE = 64
PROSE_A_PLAIN, PROSE_A_PREDICTABLE = 2, 4
PASSED_OVER = 16
"""The detector's settings were chosen on the first texts."""
MOST_TOK = 440
LENGTHS_TOK = (50, 100, 150, 200, 300, 400)
GUESSED_TOK = (200, 400)
EDITS_FRAC = (0.1, 0.2, 0.3, 0.4, 0.5)
GUESSED_EDITS_FRAC = (0.2,)
LOOKS = 25
"""Other keys that an unmarked text is looked at with, the model at hand."""
TOGETHER = 8
AT_LENGTH = "Write ten sections of at least 80 words each."


@dataclass(frozen=True)
class Writing:
    """One text to be written. kind: prose, plain (the same prompt and seed without the mark) or predictable."""

    kind: str
    prompt: str
    seed: int


def writings() -> list[Task]:
    """Every prompt in turn, under new seeds in every round: prose, beside every second one its unmarked twin and beside
    every fourth one what leaves little choice, so that the first of them are a fair sample of all."""
    tasks = []
    for number in range(PASSED_OVER, PASSED_OVER + NUM_PROSE):
        prose = prose_number(number)
        tasks.append(Task(f"prose-{number:03}", prose))
        if number % PROSE_A_PLAIN == 0:
            tasks.append(Task(f"plain-{number:03}", replace(prose, kind="plain")))
        if number % PROSE_A_PREDICTABLE == 0:
            row = number // PROSE_A_PREDICTABLE
            asked = Writing("predictable", PREDICTABLE[row % len(PREDICTABLE)], 5000 + 3 * row)
            tasks.append(Task(f"predictable-{row:03}", asked))
    return tasks


def prose_number(number: int) -> Writing:
    """One of the texts; the detector's settings were chosen on those with numbers below `PASSED_OVER`."""
    return Writing("prose", f"{PROSE[number % len(PROSE)]} {AT_LENGTH}", 1000 + number)


def written(model: Model, todo: Sequence[Task], judge: Model | None) -> Iterator[Item]:
    """Writes the texts, several together, and looks for the mark in each.

    judge: another model, which says how surprising each text is to it
    """
    key = current_key()
    for start in range(0, len(todo), TOGETHER):
        group = todo[start:start + TOGETHER]
        for task, text in zip(group, texts(model, [task.content for task in group], key), strict=True):
            outcome: dict[str, Any] = {"kind": task.content.kind, "seed": task.content.seed, "text": text}
            if judge is not None:
                outcome["judged"] = judged(judge, text)
            yield Item(task.key, {**outcome, **looked(model, text, key, marked=task.content.kind != "plain")})


def shelf(model: Model, key: MarkKey) -> Path:
    """Where the texts of a model are kept."""
    identity = canonical([SCHEME.name, model.sha256, model.arithmetic, key.id, MOST_TOK])
    return home() / "evaluations" / f"texts-{sha256_bytes(identity.encode())[:16]}.jsonl"


def texts(model: Model, asked: Sequence[Writing], key: MarkKey) -> list[str]:
    """The texts that were asked for: those on the shelf, and what is missing, which is put there."""
    path, names = shelf(model, key), [canonical(asdict(one)) for one in asked]
    kept = dict(_shelved(path))
    missing = [(name, one) for name, one in zip(names, asked, strict=True) if name not in kept]
    made = [""] * len(missing)
    for piece in model.run([_job(model, one, key) for _, one in missing]):
        made[piece.index] += piece.text
    kept |= {name: text for (name, _), text in zip(missing, made, strict=True)}
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.writelines(f"\n{json.dumps({'asked': name, 'text': kept[name]})}" for name, _ in missing)
    return [kept[name] for name in names]


def _shelved(path: Path) -> Iterator[tuple[str, str]]:
    for line in path.read_text("utf-8").splitlines() if path.exists() else []:
        try:
            row = json.loads(line)
        except json.JSONDecodeError:
            continue  # an empty line, or one cut by a kill: that text is written again
        yield row["asked"], row["text"]


def _job(model: Model, asked: Writing, key: MarkKey) -> Job:
    sampling = Sampling(max_tok=MOST_TOK, seed=asked.seed, mark="" if asked.kind == "plain" else key.id)
    return Job(tuple(model.render([Message("user", asked.prompt)])), sampling)


def judged(judge: Model, text: str) -> tuple[float, int]:
    """The surprise of a text to another model, in nats, and over how many tokens."""
    ids = judge.tokenizer.encode(text)[:judge.context_tok]
    return (0.0, 0) if len(ids) < 2 else (-float(judge.score(ids).sum()), len(ids) - 1)


def looked(model: Model, text: str, key: MarkKey, *, marked: bool) -> dict[str, Any]:
    """The p-values of the text's beginnings of several lengths; of a marked one after edits too, of an unmarked one how
    often it seems to carry another key's mark. Without the model and with it."""
    tokenizer: Any = model.tokenizer
    known, ids = Known((model.name,), tokenizer), tokenizer.encode(text)
    begun = ids[:LENGTHS_TOK[-1]]
    guessed: list[Guess] = model.guesses(begun)

    def p_value(some: Sequence[int], guesses: Guesses | None = None) -> float:
        speaker = None if guesses is None else Speaker(model.name, tokenizer, guesses)
        return p_values(tokenizer.decode(some), [key], known, speaker)[0]

    def of_beginning(some: Sequence[int]) -> Sequence[Guess]:
        return guessed[:len(some)] if list(some) == ids[:len(some)] else model.guesses(some)

    lengths = [length for length in LENGTHS_TOK if length <= len(ids)]
    found: dict[str, Any] = {"num_tok": len(ids)}
    found["by_length"] = {str(length): p_value(ids[:length]) for length in lengths}
    found["by_length_guessed"] = {str(length): p_value(ids[:length], of_beginning) for length in lengths
                                  if length in GUESSED_TOK}
    if not marked:
        speaker = Speaker(model.name, tokenizer, of_beginning)
        others = p_values(tokenizer.decode(begun), [other_key(number) for number in range(LOOKS)], known, speaker)
        found["others"] = [len(others), sum(p <= THRESHOLD for p in others)]
    elif len(ids) >= LENGTHS_TOK[-1]:
        changed = {frac: edited(begun, frac) for frac in EDITS_FRAC}
        found["by_edits"] = {str(frac): p_value(some) for frac, some in changed.items()}
        found["by_edits_guessed"] = {str(frac): p_value(changed[frac], model.guesses) for frac in GUESSED_EDITS_FRAC}
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
