"""`makar.code.test`: pytest tests that were run against the code and passed, and that notice mistakes in it."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from makar.kit.errors import BadInput
from makar.kit.sandbox.testing import Outcome, run_tests
from makar.verbs.code.mutants import mutants
from makar.verbs.code.neighbours import Project, project_of
from makar.verbs.code.options import CodeSettings, options_of
from makar.verbs.code.source import (
    Definition,
    definitions,
    extent,
    find,
    lines_of,
    parse,
    place,
    read_python,
    syntax_fault,
    text_of,
    whole_part,
)

if TYPE_CHECKING:
    from makar.ledger import Ledger
    from makar.provenance.released import Released
    from makar.verbs.code.bench import Bench

ENOUGH_TESTS = 3
MOST_MUTANTS = 6


@dataclass(frozen=True)
class _Target:
    source: str
    name: str | None
    project: Project
    test_path: str
    header: str
    shown: str

    def run(self, tests: str, source: str | None = None) -> Outcome:
        """The tests against the code, or against `source` in its place."""
        code = self.source if source is None else source
        return run_tests({**self.project.files, self.project.content_path: code, self.test_path: tests},
                         [self.test_path])


def test(where: str | Path, *, ledger: Ledger | None = None, **settings: Unpack[CodeSettings]) -> Released:
    """A pytest file for the code in `FILE` or `FILE:NAME`. Every test in it ran and passed. See CodeOptions.

    Tests that fail on the code as it is are left out (the drafts in the ledger hold them): they may be wrong, or have
    found a mistake. The tests kept also fail on at least one spoiled version of the code, if an attempt achieves that.
    Raises: Withheld, BadInput (no attempt made a test that passes), UnknownName, NotHere, NoNetwork, Interrupted
    """
    from makar.verbs.code.bench import bench

    options, target = options_of(settings), _target(where)
    files = {**target.project.files, target.project.content_path: target.source}
    asked = {"tests": {"files": files, "content_path": target.test_path, "run": [target.test_path]}}
    with bench("test", {"source": target.source, "name": target.name or ""}, asked, options, ledger) as own:
        kept, complaint = "", ""
        for _ in range(options.attempts):
            more, complaint = _try(own, target, complaint)
            kept = _joined(kept, more) if more else kept
            if num_tests(kept) >= ENOUGH_TESTS and _notices(target, kept):
                break
        if not kept:
            raise BadInput(f"no attempt of {options.attempts} made a test that passes on '{where}'; the last said: "
                           f"{complaint.strip().splitlines()[-1] if complaint.strip() else 'nothing'}; raise "
                           "--attempts, name one function, or a larger model")
        return own.release(kept)


# pytest would otherwise take the verb for a test wherever it is imported.
test.__test__ = False  # type: ignore[attr-defined]


def _target(where: str | Path) -> _Target:
    spot = place(where)
    source = read_python(spot.path)
    project = project_of(spot.path)
    shown = source if spot.name is None else text_of(source, find(source, spot.name, spot.path))
    if spot.name is not None and "." in spot.name:
        shown = text_of(source, find(source, spot.name.partition(".")[0], spot.path))
    tops = [name for name, _ in definitions(parse(source)) if "." not in name and not name.startswith("_")]
    names = [spot.name.partition(".")[0]] if spot.name is not None else tops
    if not names:
        raise BadInput(f"'{spot.path}' defines no public function or class; name one: FILE:NAME")
    header = f"import pytest\n\nfrom {project.module} import {', '.join(names)}\n\n\n"
    leaf = project.module.rpartition(".")[2]
    test_path = f"test_{leaf}.py" if f"test_{leaf}.py" not in project.files else f"test_{leaf}_made.py"
    return _Target(source, spot.name, project, test_path, header, shown)


def _try(own: Bench, target: _Target, complaint: str) -> tuple[str, str]:
    """The tests of one answer that pass, and what the others said."""
    from makar.rooms.code import CodeRequest

    opening = f"{target.header}def test_"
    made = own.ask(CodeRequest("test", own.model, source=target.shown, instruction=f"`{target.name}`"
                               if target.name else "", error=complaint, prefix=opening))
    tests = _telling(whole_part(opening + made.text))
    if not tests:
        return "", f"it does not parse: {syntax_fault(opening + made.text)}"
    outcome = target.run(tests)
    said = outcome.trouble or "\n".join(f"{failure.name}: {failure.line}" for failure in outcome.failed[:4])
    if outcome.trouble:
        return _one_by_one(target, tests), said
    failed = {failure.name for failure in outcome.failed}
    kept = without(tests, [name.split("::", 1)[-1] for name in failed]) if failed else tests
    return (kept, said) if num_tests(kept) and (not failed or target.run(kept).ok) else ("", said)


def _one_by_one(target: _Target, tests: str) -> str:
    """Where a run did not end, each test is tried alone: one of them hangs or exits."""
    names = test_names(tests)
    bad = [name for name in names[:12]
           if not target.run(without(tests, [other for other in names if other != name])).ok]
    kept = without(tests, [*bad, *names[12:]])
    return kept if num_tests(kept) and target.run(kept).ok else ""


def test_names(tests: str) -> list[str]:
    """The top-level test functions and classes of a file."""
    return [node.name for node in parse(tests).body if isinstance(node, Definition)
            and node.name.lower().startswith("test")]


test_names.__test__ = False  # type: ignore[attr-defined]


def num_tests(tests: str) -> int:
    """How many test functions a file holds, those in classes included."""
    return sum(name.rpartition(".")[2].startswith("test") for name, node in definitions(parse(tests))
               if not isinstance(node, ast.ClassDef)) if tests else 0


def without(tests: str, names: Sequence[str]) -> str:
    """The file without the named tests (`test_x`, `test_x[case]`, `TestX::test_y`), its other lines as they were."""
    dropped = {name.partition("[")[0].replace("::", ".") for name in names}
    lines = lines_of(tests)
    for name, node in definitions(parse(tests)):
        if name in dropped:
            first, last = extent(node)
            lines[first - 1:last] = [""] * (last - first + 1)
    new = "".join(lines)
    emptied = syntax_fault(new) is not None
    if emptied:  # a class lost its last test
        owners = {name.partition(".")[0] for name in dropped if "." in name}
        return without(tests, [*names, *owners]) if owners - set(names) else ""
    return _tidied(new)


def _tidied(text: str) -> str:
    kept: list[str] = []
    for line in lines_of(text):
        if line.strip() or len(kept) < 2 or kept[-1].strip() or kept[-2].strip():
            kept.append(line)
    return "".join(kept).rstrip() + "\n"


def _telling(tests: str) -> str:
    """Without test functions that assert nothing."""
    if not tests:
        return ""
    silent = [name.replace(".", "::") for name, node in definitions(parse(tests))
              if name.rpartition(".")[2].startswith("test") and not isinstance(node, ast.ClassDef)
              and not any(isinstance(part, ast.Assert) or "raises" in ast.unparse(part)
                          for part in ast.walk(node) if isinstance(part, (ast.Assert, ast.With)))]
    kept = without(tests, silent) if silent else tests
    return kept if num_tests(kept) else ""


def _joined(first: str, second: str) -> str:
    """Tests of both; of two with one name the first."""
    if not first:
        return second
    known = set(test_names(first))
    new = [text_of(second, node) for node in parse(second).body
           if isinstance(node, Definition) and node.name not in known and node.name.lower().startswith("test")]
    joined = "\n\n".join([first.rstrip() + "\n", *(text.rstrip() + "\n" for text in new)])
    return joined if syntax_fault(joined) is None else first


def _notices(target: _Target, tests: str) -> bool:
    """Whether the tests fail on a spoiled version of the code; True where nothing can be spoiled."""
    spoiled = list(mutants(target.source, target.name, MOST_MUTANTS))
    return not spoiled or any(not target.run(tests, version).ok for version in spoiled)
