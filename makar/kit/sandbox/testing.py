"""Runs tests in the sandbox and tells which passed, counted by a reporter of ours and not by an exit status."""

from __future__ import annotations

import ast
import builtins
import json
import secrets
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.machinery import PathFinder
from pathlib import Path

from makar.kit.errors import BadInput
from makar.kit.sandbox.limits import Limits, Result
from makar.kit.sandbox.runner import run

LIMITS = Limits(wall_s=20.0, cpu_s=15, memory_bytes=4 << 30)
MODULE = "solution"
TEST_FILE = "test_solution.py"
_REPORTER = "makar_test_reporter"
# Loaded by pytest before it captures output, so that descriptor 1 is still the real one.
_REPORTER_SOURCE = '''
import json, os
OUT, RESULTS = os.dup(1), {}

def note(name, outcome, text):
    if RESULTS.get(name, ("passed",))[0] == "passed":
        RESULTS[name] = (outcome, text)

def pytest_runtest_logreport(report):
    if report.when == "call" or report.outcome != "passed":
        note(report.nodeid, report.outcome, report.longreprtext[-3000:])

def pytest_collectreport(report):
    if report.failed:
        note(report.nodeid or "collection", "error", report.longreprtext[-3000:])

def pytest_sessionfinish(session):
    data = json.dumps(RESULTS)
    os.write(OUT, ("\\n@NONCE@" + data + "\\n").encode())
'''
_SCRIPT = "import runpy; runpy.run_path({path!r}, run_name='__main__'); print({nonce!r})"


@dataclass(frozen=True)
class Failure:
    """A test that did not pass, and the end of what was said about it."""

    name: str
    message: str

    @property
    def line(self) -> str:
        """The one line that says most: the exception, else the last line."""
        lines = [line for line in self.message.splitlines() if line.strip()]
        said = [line[1:].strip() for line in lines if line.startswith("E ")]
        if not said:
            return (lines or ["failed without a word"])[-1][:300]
        return (said[-1] if said[0].startswith("File ") else said[0])[:300]


@dataclass(frozen=True)
class Outcome:
    """What a run of tests came to.

    trouble: why the run did not come to its end (time, memory, an exit in the middle, no tests); empty if it did.
    """

    passed: tuple[str, ...]
    failed: tuple[Failure, ...]
    trouble: str
    result: Result

    @property
    def ok(self) -> bool:
        """At least one test ran, and all passed."""
        return bool(self.passed) and not self.failed and not self.trouble

    @property
    def share(self) -> float:
        """Passed tests of all that ran; 0 where the run did not end."""
        total = len(self.passed) + len(self.failed)
        return 0.0 if self.trouble or not total else len(self.passed) / total

    @property
    def summary(self) -> str:
        """One line."""
        if self.trouble:
            return self.trouble
        if not self.failed:
            return f"{len(self.passed)} passed"
        first = self.failed[0]
        return f"{len(self.failed)} of {len(self.passed) + len(self.failed)} failed; {first.name}: {first.line}"


def run_tests(files: Mapping[str, str], paths: Sequence[str], limits: Limits = LIMITS) -> Outcome:
    """Runs the test files `paths` among `files`: with pytest, or as scripts where none of them defines a test.

    Raises: BadInput (no tests, or a path that leaves the folder)
    """
    if not paths:
        raise BadInput("there are no test files to run")
    nonce = secrets.token_hex(8)
    if not any(defines_tests(files[path]) for path in paths):
        return _run_scripts(files, paths, limits, nonce)
    reporter = {f"{_REPORTER}.py": _REPORTER_SOURCE.replace("@NONCE@", nonce)}
    command = [sys.executable, "-m", "pytest", "-q", "--no-header", "--tb=short", "-p", "no:cacheprovider",
               "-p", _REPORTER, *paths]
    result = run(command, {**files, **reporter}, limits, env={"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"})
    _, mark, said = result.stdout.rpartition(nonce)
    if not mark:
        return Outcome((), (), _why_unfinished(result, limits), result)
    found: dict[str, list[str]] = json.loads(said.splitlines()[0])
    passed = tuple(name for name, (outcome, _) in found.items() if outcome == "passed")
    failed = tuple(Failure(name, text) for name, (outcome, text) in found.items() if outcome in ("failed", "error"))
    return Outcome(passed, failed, "" if passed or failed else "no test ran", result)


def _run_scripts(files: Mapping[str, str], paths: Sequence[str], limits: Limits, nonce: str) -> Outcome:
    passed: list[str] = []
    for path in paths:
        command = [sys.executable, "-c", _SCRIPT.format(path=path, nonce=nonce)]
        result = run(command, files, limits)
        if result.returncode == 0 and result.stdout.rstrip().endswith(nonce):
            passed.append(path)
        elif result.stopped is None and result.returncode == 1:
            return Outcome(tuple(passed), (Failure(path, result.stderr[-3000:]),), "", result)
        else:
            return Outcome(tuple(passed), (), _why_unfinished(result, limits), result)
    return Outcome(tuple(passed), (), "", result)


def _why_unfinished(result: Result, limits: Limits) -> str:
    if result.timed_out:
        return f"the tests did not end within {limits.wall_s:g} s"
    if result.stopped is not None:
        return f"the tests were stopped: too much {result.stopped}"
    if "No module named pytest" in result.stderr:
        return "pytest is not installed beside Makar; install it with: pip install pytest"
    said = [line for line in (result.stderr or result.stdout).splitlines() if line.strip()]
    return f"the tests ended early with status {result.returncode}: {said[-1][:300] if said else 'no output'}"


def defines_tests(source: str) -> bool:
    """Whether pytest would find a test in it; a file that does not parse counts, so that pytest reports the error."""
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError):
        return True
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return any((isinstance(node, functions) and node.name.startswith("test"))
               or (isinstance(node, ast.ClassDef) and (node.name.startswith("Test") or node.bases)) for node in body)


def arrange(code: str, tests: str) -> tuple[dict[str, str], str]:
    """Files in which `tests` find `code`, and the path of the tests.

    The code becomes the module that the tests import and that is not installed; where they import none, the names they
    use and the code defines are imported for them.
    """
    module = module_named_by(tests)
    if module is None:
        return {f"{MODULE}.py": code, TEST_FILE: _with_import(code, tests)}, TEST_FILE
    path = module.replace(".", "/")
    packages = {f"{'/'.join(path.split('/')[:depth])}/__init__.py": "" for depth in range(1, path.count("/") + 1)}
    test_file = TEST_FILE if path != TEST_FILE.removesuffix(".py") else f"test_{TEST_FILE}"
    return {**packages, f"{path}.py": code, test_file: tests}, test_file


def module_named_by(tests: str) -> str | None:
    """The first module that the tests import and that is neither Python's nor installed; None if there is none."""
    try:
        tree = ast.parse(tests)
    except (SyntaxError, ValueError):
        return None
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module]
        for name in names:
            if not _is_installed(name.partition(".")[0]):
                return name
    return None


def _is_installed(name: str) -> bool:
    if name in sys.stdlib_module_names:
        return True
    try:
        found = PathFinder.find_spec(name)
    except (ImportError, ValueError):
        return False
    places = [found.origin or "", *(found.submodule_search_locations or [])] if found is not None else []
    roots = tuple(f"{Path(root)}/" for root in (sys.prefix, sys.base_prefix))
    return any(place.startswith(roots) for place in places)


def _with_import(code: str, tests: str) -> str:
    try:
        code_tree, tree = ast.parse(code), ast.parse(tests)
    except (SyntaxError, ValueError):
        return tests
    names = sorted((_defined(code_tree) & _used(tree)) - _defined(tree))
    if not names:
        return tests
    lines, at = tests.splitlines(keepends=True), 0
    for node in tree.body:
        is_docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if not is_docstring and not (isinstance(node, ast.ImportFrom) and node.module == "__future__"):
            break
        at = node.end_lineno or at
    return "".join([*lines[:at], f"from {MODULE} import {', '.join(names)}\n", *lines[at:]])


def _defined(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)}
    return names - set(dir(builtins)) - {"*"}


def _used(tree: ast.Module) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
