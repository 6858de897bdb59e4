"""HumanEval: functions written from their docstrings, greedily, and run against hidden tests in the sandbox.

The model is asked in its own chat form for a self-contained script and its answer is begun with an opened code fence,
as the published figures of instruction models are made; the answer ends where the fence closes or a program's main part
begins. Of the answer only imports, functions, classes and assignments are kept. The problem's own text before the
function (imports, given functions) comes first, the tests last; a problem is passed when they run to their end.

Source: Chen et al. 2021, arXiv:2107.03374; Liu et al. 2023, arXiv:2305.01210 (the form of the prompt)
"""

from __future__ import annotations

import ast
import re
import secrets
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from makar.codecs.chat import Message
from makar.evaluate.measure import Figure, Item, Measure, Model, Task, read_lines
from makar.evaluate.statistics import wilson
from makar.kit import sandbox
from makar.kit.errors import BadInput
from makar.methods.autoregress import Job, Sampling

INSTRUCTION = "Write a self-contained Python script that solves the following problem. Answer with one code block."
OPENING = "This script contains a self-contained function that solves the problem and passes its tests:\n```python\n"
STOP = ("\n```", "\nif __name__", "\ndef main(", "\nprint(")
MAX_TOK = 768
LIMIT_S = 10.0
KEPT = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign)


def tasks(model: Model, path: Path) -> list[Task]:
    """The problems of a JSON-lines file with task_id, prompt, entry_point and test.

    Raises: NotHere, BadInput
    """
    rows = read_lines(path, {"task_id": str, "prompt": str, "entry_point": str, "test": str})
    found: dict[str, Task] = {}
    for where, row in rows:
        if row["task_id"] in found:
            raise BadInput(f"{where}: '{row['task_id']}' was there before; every task_id must be its own")
        found[row["task_id"]] = Task(row["task_id"], row)
    return list(found.values())


def job(model: Model, prompt: str) -> Job:
    """What the model is asked, with the beginning of its answer."""
    message = Message("user", f"{INSTRUCTION}\n```python\n{prompt.strip()}\n```\n")
    ids = model.render([message]) + model.tokenizer.encode(OPENING)
    sampling = Sampling(max_tok=MAX_TOK, temperature=0.0, repetition_penalty=1.0, stop=STOP)
    return Job(tuple(ids), sampling)


def answers(model: Model, jobs: Iterable[Job]) -> Iterator[tuple[int, str]]:
    """The index and text of every answer, as soon as it is whole; the next job joins the batch as one leaves."""
    texts: dict[int, str] = {}
    for piece in model.run(jobs):
        texts[piece.index] = texts.get(piece.index, "") + piece.text
        if piece.finish is not None:
            yield piece.index, texts.pop(piece.index)


def parsed(source: str) -> tuple[str, ast.Module]:
    """The longest beginning of `source`, in whole lines, that is Python, and its tree."""
    lines = source.splitlines(keepends=True)
    for end in range(len(lines), 0, -1):
        text = "".join(lines[:end])
        try:
            return text, ast.parse(text)
        except (SyntaxError, ValueError):
            continue
    return "", ast.Module(body=[], type_ignores=[])


def definitions(source: str) -> str:
    """The imports, functions, classes and assignments of `source`, without what merely runs (examples, asserts)."""
    text, tree = parsed(source)
    lines, kept = text.splitlines(keepends=True), []
    for node in tree.body:
        if isinstance(node, KEPT):
            decorators = node.decorator_list if isinstance(node, KEPT[2:5]) else []
            first = min([node.lineno, *(decorator.lineno for decorator in decorators)])
            kept.append("".join(lines[first - 1:node.end_lineno]).rstrip("\n"))
    return "\n\n".join(kept)


def unfenced(answer: str, entry_point: str) -> str:
    """The code of an answer: all of it, or, where it holds fences, the block that defines the function."""
    blocks = re.findall(r"```(?:[Pp]ython|py)?[ \t]*\n(.*?)(?:\n```|\Z)", answer, re.DOTALL)
    return next((block for block in blocks if f"def {entry_point}" in block), answer)


def program(row: dict[str, str], answer: str, token: str) -> str:
    """What is run: given code, the answer's definitions, the tests, and a word that shows that the end was reached."""
    prompt, entry = row["prompt"], row["entry_point"]
    code = definitions(unfenced(answer, entry))
    if not re.search(rf"^(async )?def {re.escape(entry)}\b", code, re.MULTILINE):
        body, _ = parsed(f"{prompt}{answer}")  # an answer that goes on from the prompt with the body alone
        code = body or prompt
    given = re.split(rf"^(?:async )?def {re.escape(entry)}\b", prompt, maxsplit=1, flags=re.MULTILINE)[0]
    return f"{given}\n{code}\n\n{row['test']}\n\ncheck({entry})\nprint({token!r})\n"


def passes(source: str, token: str) -> tuple[bool, str]:
    """Whether a program runs to its end in the sandbox, and the last line of its complaint where it does not."""
    done = sandbox.run([sys.executable, "-I", "program.py"], {"program.py": source}, sandbox.Limits(wall_s=LIMIT_S))
    if done.timed_out:
        return False, f"stopped after {LIMIT_S:g} s"
    if done.returncode == 0 and done.stdout.rstrip().endswith(token):
        return True, ""
    complaint = done.stderr.strip().splitlines() or [f"left with {done.returncode} before the tests ended"]
    return False, complaint[-1][:300]


def judged(row: dict[str, str], answer: str) -> tuple[bool, str]:
    """Whether an answer to a problem passes its tests, and the last line of the complaint where it does not."""
    token = secrets.token_hex(8)
    return passes(program(row, answer, token), token)


def run(model: Model, todo: Sequence[Task]) -> Iterator[Item]:
    """For each problem the answer, whether it passed, and why not."""
    for index, answer in answers(model, (job(model, task.content["prompt"]) for task in todo)):
        passed, complaint = judged(todo[index].content, answer)
        yield Item(todo[index].key, {"passed": passed, "complaint": complaint, "answer": answer})


def figures(items: Sequence[Item]) -> tuple[Figure, ...]:
    """pass@1: the share of problems solved by the one greedy answer."""
    num_passed = sum(item.outcome["passed"] for item in items)
    return (Figure("pass@1", num_passed / len(items), wilson(num_passed, len(items)), share=True),)


MEASURE = Measure(
    name="humaneval",
    summary="share of functions, written greedily from their docstrings, that pass their tests",
    settings={"instruction": INSTRUCTION, "opening": OPENING, "stop": list(STOP), "max_tok": MAX_TOK,
              "temperature": 0.0, "limit_s": LIMIT_S},
    tasks=tasks, run=run, figures=figures,
)
