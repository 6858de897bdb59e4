"""`makar.code.write`: code from words, tried against tests in the sandbox where tests are given."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from makar.kit.errors import BadInput
from makar.kit.files import read_text
from makar.kit.sandbox.testing import module_named_by
from makar.verbs.code.attempts import Attempt, best_of, judged
from makar.verbs.code.options import CodeSettings, options_of
from makar.verbs.code.source import syntax_fault, whole_part, without_imports_of
from makar.verbs.text import readable

if TYPE_CHECKING:
    from makar.ledger import Ledger
    from makar.provenance.released import Released
    from makar.verbs.code.bench import Bench


def write(instruction: str, *, tests: str | Path | None = None, ledger: Ledger | None = None,
          **settings: Unpack[CodeSettings]) -> Released:
    """Python code that does what `instruction` says and, where `tests` are given, passes them. See CodeOptions.

    tests: pytest source (`str`) or its file (`Path`); they import the code under any name, or just use its names.
    Raises: Withheld (no attempt passed, or a check forbids it), BadInput, UnknownName, NotHere, NoNetwork, Interrupted
    """
    from makar.verbs.code.bench import bench

    options = options_of(settings)
    readable(instruction, "instruction")
    source = tests_of(tests)
    asked: dict[str, Any] = {} if source is None else {"tests": source}
    given = {"instruction": instruction, "tests": source or "", "module": module_named_by(source or "") or ""}
    with bench("write", given, asked, options, ledger) as own:
        best = best_of(lambda number, so_far: _try(own, given, number, so_far), options.attempts)
        return own.release(best.code)


def tests_of(tests: str | Path | None) -> str | None:
    """The source of tests that can be run.

    Raises: NotHere, BadInput (empty, does not parse)
    """
    if tests is None:
        return None
    source = read_text(tests) if isinstance(tests, Path) else tests
    name = f"'{tests}'" if isinstance(tests, Path) else "the tests"
    if not source.strip():
        raise BadInput(f"{name}: there are no tests in it; give pytest functions, or plain asserts")
    fault = syntax_fault(source)
    if fault is not None:
        raise BadInput(f"{name}: tests that are not Python cannot be run: {fault}")
    return source


def _try(own: Bench, given: dict[str, str], number: int, so_far: Attempt | None) -> Attempt:
    """Every second attempt mends the best one so far; the others start afresh."""
    from makar.checks.tests_pass import run_asked
    from makar.rooms.code import CodeRequest

    mends = so_far is not None and number % 2 == 1 and so_far.code != ""
    made = own.ask(CodeRequest(
        "write", own.model, instruction=given["instruction"], tests=without_imports_of(given["tests"], given["module"]),
        source=so_far.code if so_far is not None and mends else "",
        error=so_far.complaint if so_far is not None and mends else ""))
    code = without_imports_of(whole_part(made.text), given["module"])
    if not code:
        return Attempt(made.text, 0.0, f"it does not parse: {syntax_fault(made.text)}")
    return judged(code, run_asked(code, given["tests"])) if given["tests"] else Attempt(code, 1.0)
