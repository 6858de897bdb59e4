"""The size ceilings and forbidden names of the house: prints medians and every offender, exits 1 if there is one.

Functions over 120 lines are refused even where they are training loops; others at 60. Names say what a thing is.
"""

from __future__ import annotations

import ast
import re
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

FILE_LINES, FUNCTION_LINES, LOOP_LINES, PARAMETERS = 500, 60, 120, 6
MEDIAN_FILE_LINES, MEDIAN_FUNCTION_LINES = 200, 12
FORBIDDEN = {"util", "utils", "helper", "helpers", "manager", "managers", "factory", "factories", "base", "mixin"}
PARTS = ("makar", "tests", ".ci", "benchmarks", "recipes")
# A verb of the public interface lists its settings as keywords, so that an editor can show them.
KEYWORD_VERBS = "makar/verbs/"

Function = ast.FunctionDef | ast.AsyncFunctionDef


def words(name: str) -> set[str]:
    """The lower-case words of a snake_case or CamelCase name."""
    return {word.lower() for part in name.split("_") for word in re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+", part)}


def num_parameters(function: Function, path: str) -> int:
    """Parameters without `self` and `cls`; keyword-only ones of public verbs are not counted."""
    settings = function.args
    names = [arg.arg for arg in settings.posonlyargs + settings.args if arg.arg not in ("self", "cls")]
    public_verb = path.startswith(KEYWORD_VERBS) and not function.name.startswith("_")
    return len(names) + (0 if public_verb else len(settings.kwonlyargs))


def length(node: Function) -> int:
    """Lines from the `def` to the last statement."""
    return (node.end_lineno or node.lineno) - node.lineno + 1


def at_import(tree: ast.Module) -> Iterator[ast.AST]:
    """Every node that runs when the module is imported, so without the bodies of its functions."""
    pending: list[ast.AST] = list(tree.body)
    while pending:
        node = pending.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            continue
        yield node
        pending.extend(ast.iter_child_nodes(node))


def offences_of_function(node: Function, path: str) -> Iterator[str]:
    """What is wrong with one function."""
    at = f"{path}:{node.lineno} {node.name}"
    ceiling = LOOP_LINES if path.startswith("makar/train/") else FUNCTION_LINES
    if length(node) > ceiling:
        yield f"{at}: {length(node)} lines, the ceiling is {ceiling}"
    if num_parameters(node, path) > PARAMETERS:
        yield f"{at}: {num_parameters(node, path)} parameters, the ceiling is {PARAMETERS}; make a frozen dataclass"
    # A wrapper of any callable (*args, **named) passes on what it cannot know; tests vary a default.
    if node.args.kwarg is not None and node.args.vararg is None and path.startswith("makar/"):
        forwarded = [call for call in ast.walk(node) if isinstance(call, ast.Call) for keyword in call.keywords
                     if keyword.arg is None and isinstance(keyword.value, ast.Name)
                     and keyword.value.id == node.args.kwarg.arg]
        if forwarded:
            yield f"{at}: forwards **{node.args.kwarg.arg}; name the settings"


def offences(path: str, text: str) -> Iterator[str]:
    """What is wrong with one Python file; `path` is relative to the repository."""
    num_lines = text.count("\n") + (not text.endswith("\n"))
    if num_lines > FILE_LINES:
        yield f"{path}: {num_lines} lines, the ceiling is {FILE_LINES}"
    for part in Path(path).with_suffix("").parts:
        if words(part) & FORBIDDEN:
            yield f"{path}: '{part}' says nothing; name what it holds"
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield from offences_of_function(node, path)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) and words(node.name) & FORBIDDEN:
            yield f"{path}:{node.lineno} {node.name}: a forbidden name"
        if isinstance(node, ast.Name) and node.id == "hasattr":
            yield f"{path}:{node.lineno}: hasattr; let the type say what is there"
    if path.startswith("makar/"):
        for node in at_import(tree):
            if isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv"):
                yield f"{path}:{node.lineno}: reads the environment at import"
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "open":
                yield f"{path}:{node.lineno}: opens a file at import"


def main(root: Path) -> int:
    """Looks through `PARTS` of the repository; returns the exit code."""
    files = {str(file.relative_to(root)): file.read_text() for part in PARTS
             for file in sorted((root / part).rglob("*.py"))}
    found = [line for path, text in files.items() for line in offences(path, text)]
    house = {path: text for path, text in files.items() if path.startswith("makar/")}
    sizes = sorted((text.count("\n"), path) for path, text in house.items() if not path.endswith("__init__.py"))
    lengths = sorted((length(node), f"{path}:{node.lineno} {node.name}") for path, text in house.items()
                     for node in ast.walk(ast.parse(text)) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)))
    file_median = statistics.median([size for size, _ in sizes] or [0])
    function_median = statistics.median([size for size, _ in lengths] or [0])
    print(f"{len(files)} files; makar: {sum(size for size, _ in sizes):,} lines, median file {file_median:g}, "
          f"{len(lengths)} functions, median {function_median:g} lines")
    for label, rows in (("longest files", sizes), ("longest functions", lengths)):
        print(f"{label}: " + "; ".join(f"{name} {size}" for size, name in reversed(rows[-3:])))
    if file_median > MEDIAN_FILE_LINES:
        found.append(f"the median file has {file_median:g} lines, at most {MEDIAN_FILE_LINES} are wanted")
    if function_median > MEDIAN_FUNCTION_LINES:
        found.append(f"the median function has {function_median:g} lines, at most {MEDIAN_FUNCTION_LINES} are wanted")
    for line in found:
        print(f"OFFENDER {line}")
    print(f"{len(found)} offenders")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[1]))
