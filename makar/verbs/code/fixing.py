"""`makar.code.fix`: a file with a mistake becomes one without, tried against a failing test where there is one."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from makar.kit.errors import BadInput
from makar.verbs.code.attempts import Attempt, best_of, complaint_of, judged
from makar.verbs.code.docstrings import header_text
from makar.verbs.code.merging import merged
from makar.verbs.code.neighbours import Project, project_of
from makar.verbs.code.options import CodeSettings, options_of
from makar.verbs.code.source import (
    definitions,
    extent,
    lines_of,
    parse,
    read_python,
    syntax_fault,
    text_of,
    whole_part,
    without_imports_of,
)
from makar.verbs.code.writing import tests_of

if TYPE_CHECKING:
    from makar.ledger import Ledger
    from makar.provenance.released import Released
    from makar.verbs.code.bench import Bench

# A file longer than this is not shown whole: a small model would lose lines of it.
MOST_LINES_SHOWN = 150
_MOST_ERROR_CHARS = 4000
_FRAME = re.compile(r'File "([^"]+)", line (\d+)|^(\S+\.py):(\d+):', re.MULTILINE)


@dataclass(frozen=True)
class _Task:
    source: str
    shown: str
    tests: str
    error: str
    asked: Mapping[str, Any]
    module: str = ""
    anew: str = ""  # the words that ask for what the tests use, to be written anew


def fix(path: str | Path, *, error: str | None = None, test: str | Path | None = None,
        ledger: Ledger | None = None, **settings: Unpack[CodeSettings]) -> Released:
    """The whole text of the file at `path`, mended; the file itself is not touched. See CodeOptions.

    error: a traceback, or words on what goes wrong; test: a file with a failing test, which must pass in the end.
    Without either the file must not parse, and is mended so that it does.
    Raises: Withheld (no attempt passed the test), BadInput (nothing to mend), NotHere, NoNetwork, Interrupted
    """
    from makar.verbs.code.bench import bench

    options, path = options_of(settings), Path(path)
    task = _task(path, error, None if test is None else Path(test))
    given = {"source": task.source, "error": error or "", "tests": task.tests}
    with bench("fix", given, {**task.asked, "given": task.source}, options, ledger) as own:
        best = best_of(lambda number, so_far: _try(own, task, so_far), options.attempts)
        if best.code == task.source:
            raise BadInput(f"no attempt of {options.attempts} changed '{path}' for the better: {best.complaint}; say "
                           "more about the mistake (--error), raise --attempts, or name a larger model")
        return own.release(best.code)


def _task(path: Path, error: str | None, test: Path | None) -> _Task:
    source = read_python(path, must_parse=False)
    fault = syntax_fault(source)
    if error is not None and not error.strip():
        raise BadInput("the error is empty; give the traceback or say what goes wrong")
    if test is None and error is None and fault is None:
        raise BadInput(f"'{path}' parses; say what is wrong with it: --error TEXT (or - for standard input), "
                       "or --test FILE")
    if test is not None:
        tests_of(test)
        project = project_of(path, test)
        complaint = _complaint_now(source, project, path, test)
        tests, asked, module = project.files[project.tests[0]], {"tests": project.asked()}, project.module
    else:
        complaint, tests, asked, module = f"SyntaxError: {fault}" if fault else "", "", {}, ""
    words = "\n\n".join(part for part in (error, complaint) if part)[-_MOST_ERROR_CHARS:]
    return _Task(source, _shown(source, path, words, tests), tests, words, asked, module,
                 _anew(source, tests, error or ""))


def _anew(source: str, tests: str, error: str) -> str:
    """Asks for the functions of the source that the tests use; empty where they use classes, or nothing of it."""
    words = set(re.findall(r"\w+", tests))
    used = [node for name, node in definitions(parse(source)) if name in words] if not syntax_fault(source) else []
    if not used or any(isinstance(node, ast.ClassDef) for node in used):
        return ""
    headers = "".join(f'{header_text(source, node)}    """{ast.get_docstring(node) or "..."}"""\n' for node in used)
    return f"Write these functions completely.\n{headers}{error}"


def _complaint_now(source: str, project: Project, path: Path, test: Path) -> str:
    """What the test says now.

    Raises: BadInput (it passes, or cannot be run)
    """
    from makar.checks.tests_pass import run_asked

    outcome = run_asked(source, project.asked())
    if outcome.ok:
        raise BadInput(f"'{test}' passes with '{path}' as it is ({outcome.summary}); there is nothing to fix")
    if outcome.trouble.startswith(("no test ran", "pytest is not")):
        raise BadInput(f"'{test}': {outcome.trouble}")
    return complaint_of(outcome)


def _shown(source: str, path: Path, error: str, tests: str) -> str:
    """The whole of a short file; of a long one the imports and what the error and the tests point at."""
    if len(lines_of(source)) <= MOST_LINES_SHOWN or syntax_fault(source) is not None:
        return source
    tree = parse(source)
    named = {int(found[2] or found[4]) for found in _FRAME.finditer(error)
             if Path(found[1] or found[3]).name == path.name}
    words = set(re.findall(r"\w+", tests + error))
    parts = []
    for node in tree.body:
        first, last = extent(node)
        is_definition = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
        pointed_at = any(first <= line <= last for line in named)
        if not is_definition or pointed_at or (not named and getattr(node, "name", "") in words):
            parts.append(text_of(source, node))
    return "\n".join(parts)


def _try(own: Bench, task: _Task, so_far: Attempt | None) -> Attempt:
    from makar.checks.tests_pass import run_asked
    from makar.rooms.code import CodeRequest

    request = CodeRequest("fix", own.model, source=task.shown, tests=task.tests, error=task.error)
    if len(own.drafts) % 2 == 1 and task.anew:
        # A small model copies a mistake it is shown; every second attempt it writes the function without seeing it.
        request = CodeRequest("write", own.model, instruction=task.anew,
                              tests=without_imports_of(task.tests, task.module))
    made = own.ask(request)
    new = merged(task.source, without_imports_of(whole_part(made.text), task.module))
    fault = syntax_fault(new)
    if new == task.source or not new or fault is not None:
        return Attempt(task.source, 0.0, f"it does not parse: {fault}" if fault else "the code was not changed")
    if not task.tests:
        return Attempt(new, 1.0)
    attempt = judged(new, run_asked(new, task.asked["tests"]))
    return attempt if so_far is None or attempt.worth >= so_far.worth else so_far
