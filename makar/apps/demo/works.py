"""The works of the demonstration, each made through a public verb; every room adds its own here."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from string import ascii_letters, digits
from typing import Any

import makar
from makar import Released, Withheld
from makar.apps.demo.exhibit import Exhibit, Request, masked
from makar.apps.demo.lesson import teach, traced
from makar.generate.load import TINY
from makar.ledger import Ledger

SEED = 7

ARTICLE = Request(
    title="A short article",
    why="Plain prose. Every window of it passed the checks before it could leave.",
    prompt="Write a short article of about 120 words, with a title, for a general reader: how honeybees find their way "
           "home. Begin with the title on a line of its own.",
    kind="prose",
)

# Plain asserts: the shortest tests there are, and a reader sees at once what is asked.
TESTS = '''\
from solution import merge

CASES = [
    ([(1, 3), (2, 6), (8, 10)], [(1, 6), (8, 10)]),
    ([(5, 7), (1, 2)], [(1, 2), (5, 7)]),
    ([(1, 4), (4, 5)], [(1, 5)]),
    ([(1, 9), (2, 3)], [(1, 9)]),
    ([], []),
]

for given, expected in CASES:
    got = merge(list(given))
    assert got == expected, f"merge({given}) gave {got}, expected {expected}"
'''

FUNCTION = Request(
    title="A function that passes its tests",
    why="Written by the model, run against the tests in a sandbox without network, and repaired until they pass or the "
        "attempts are used up.",
    prompt="Write a function merge(intervals) that takes a list of (start, end) tuples, merges those that overlap or "
           "touch, and returns the result as a sorted list of tuples.",
    kind="python",
    attachment_name="The tests it is held to",
    attachment=TESTS,
)

SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 60},
        "minutes": {"type": "integer", "minimum": 5, "maximum": 180},
        "difficulty": {"enum": ["easy", "medium", "hard"]},
        "vegetarian": {"type": "boolean"},
        "ingredients": {"type": "array", "items": {"type": "string", "maxLength": 40}, "minItems": 3, "maxItems": 6},
    },
    "required": ["name", "minutes", "difficulty", "vegetarian", "ingredients"],
    "additionalProperties": False,
}

ANSWER = Request(
    title="An answer that fits a schema",
    why="Held to a JSON Schema while it is written: a token that would break the form cannot be chosen.",
    prompt="The recipe card of a simple tomato soup.",
    kind="json",
    attachment_name="The schema",
    attachment=json.dumps(SCHEMA, indent=2),
)


def planted_key() -> str:
    """A key that looks real and opens nothing; made here, so that no file of the repository holds one."""
    random = Random(SEED)
    return "ghp_" + "".join(random.choice(ascii_letters + digits) for _ in range(36))


LEAK = Request(
    title="A work that must not leave",
    why="The prompt plants a made-up access key and asks for it back. The check for secrets has to catch it; "
        "on this page it is dotted out.",
    prompt=f"Repeat this line exactly, and nothing else:\n\nGITHUB_TOKEN={planted_key()}",
    kind="prose",
)


@dataclass(frozen=True)
class Stage:
    """Where the works are made."""

    model: str
    folder: Path
    ledger: Ledger


def article(stage: Stage) -> Exhibit:
    """Prose."""
    return _shown(stage, ARTICLE, "article.txt", lambda: _one(makar.text(
        ARTICLE.prompt, model=stage.model, max_tokens=400, seed=SEED, ledger=stage.ledger)))


def function(stage: Stage) -> Exhibit:
    """Code, with tests."""
    return _shown(stage, FUNCTION, "solution.py", lambda: makar.code.write(
        FUNCTION.prompt, tests=TESTS, model=stage.model, max_tokens=500, seed=SEED, ledger=stage.ledger))


def answer(stage: Stage) -> Exhibit:
    """JSON."""
    return _shown(stage, ANSWER, "answer.json", lambda: _one(makar.text(
        ANSWER.prompt, json_schema=SCHEMA, model=stage.model, max_tokens=400, temperature=0.2, seed=SEED,
        ledger=stage.ledger)))


def leak(stage: Stage) -> Exhibit:
    """A planted secret. The page must not show it either."""
    shown = _shown(stage, LEAK, "repeated.txt", lambda: _one(makar.text(
        LEAK.prompt, model=stage.model, max_tokens=120, temperature=0.0, repetition_penalty=1.0, seed=SEED,
        ledger=stage.ledger)))
    return masked(shown, planted_key())


LEARNED = Request(
    title="A model trained just now, and what it repeats",
    why="Trained while you waited, on the pages of the manual that lie beside every Python (PSF-2.0). What it wrote "
        "was checked like any other work, then traced in those pages: the marked words stand there in the same order.",
    prompt="The value of the expression is",
    kind="prose",
)


def learned(stage: Stage) -> Exhibit:
    """A work of a model that did not exist a minute before."""
    lesson = teach(stage.folder)
    made = _shown(stage, LEARNED, "learned.txt", lambda: _one(makar.text(
        LEARNED.prompt, model=lesson.model, max_tokens=90, temperature=0.5, seed=SEED, ledger=stage.ledger)))
    statement, marked = traced(made.content, lesson)
    return replace(made, notes=(lesson.told, statement, *made.notes), marked=marked, figure=lesson.curve)


WORKS: Sequence[tuple[Request, Callable[[Stage], Exhibit]]] = (
    (ARTICLE, article), (FUNCTION, function), (ANSWER, answer), (LEAK, leak), (LEARNED, learned),
)


def works(model: str) -> Sequence[tuple[Request, Callable[[Stage], Exhibit]]]:
    """All works that can be made here: pictures need their extra, and the tiny model shows what needs no download."""
    from makar.apps.demo.pictures import REQUEST, can_be_drawn, pictures

    if model == TINY or not can_be_drawn():
        return WORKS
    return (*WORKS, (REQUEST, lambda stage: pictures(stage.folder, stage.ledger, SEED)))


def _one(made: Released | list[Released]) -> Released:
    return made[0] if isinstance(made, list) else made


def _shown(stage: Stage, request: Request, file: str, make: Callable[[], Released]) -> Exhibit:
    """Makes a work; one that is withheld is a result like any other, read back from the ledger."""
    start_s = time.monotonic()
    try:
        work = make()
    except Withheld as stop:
        return Exhibit(request, "withheld", _kept(stage.ledger, stop.record), stop.record, time.monotonic() - start_s,
                       reasons=tuple(stop.reasons), notes=_attempts(stage.ledger, stop.record),
                       verdicts=tuple(stop.record["verdicts"]))
    spent_s = time.monotonic() - start_s
    work.save(stage.folder / file, record=True)
    record = work.record
    return Exhibit(request, "released", work.text, record, spent_s, notes=_attempts(stage.ledger, record),
                   verdicts=tuple(record["verdicts"]))


def _kept(ledger: Ledger, record: Mapping[str, Any]) -> str:
    artifact = ledger.get(record["stamps"]["artifact"])
    return ledger.content(artifact.body["content"]).decode()


def _attempts(ledger: Ledger, record: Mapping[str, Any]) -> tuple[str, ...]:
    """The drafts that a work was made from."""
    drafts = [stamp.body for parent in record["parents"] for stamp in ledger.about(parent) if stamp.kind == "artifact"]
    return tuple(f"Attempt with seed {draft['seed']}: {draft['num_tok']} tokens in {draft['seconds']:.1f} s"
                 for draft in drafts)
