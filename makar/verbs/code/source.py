"""Python source as text with a syntax tree over it: what is defined where, and how to change a part and no other."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from makar.kit.errors import BadInput, UnknownName
from makar.kit.files import read_text

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
MOST_SOURCE_BYTES = 2_000_000
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")


@dataclass(frozen=True)
class Place:
    """A file and, where one was named, a definition in it."""

    path: Path
    name: str | None = None


def place(where: str | Path) -> Place:
    """`FILE` or `FILE:NAME` (`NAME` may be `Class.method`).

    Raises: BadInput
    """
    if isinstance(where, Path) or Path(where).exists():
        return Place(Path(where))
    path, colon, name = where.rpartition(":")
    return Place(Path(path), name.strip()) if colon and path and name.strip() else Place(Path(where))


def read_python(path: Path, *, must_parse: bool = True) -> str:
    """The text of a Python file.

    Raises: NotHere, BadInput (no text, not Python, empty)
    """
    source = read_text(path, limit_bytes=MOST_SOURCE_BYTES)
    if not source.strip():
        raise BadInput(f"'{path}' is empty; there is no code in it")
    fault = syntax_fault(source)
    if fault is not None and (must_parse or path.suffix not in (".py", ".pyi", "")):
        mend = f"; to mend it: makar code fix {path}" if path.suffix == ".py" else ""
        raise BadInput(f"'{path}' is not Python that can be read: {fault}{mend}")
    return source


def parse(source: str) -> ast.Module:
    """The syntax tree, without warnings about odd escapes.

    Raises: SyntaxError, ValueError
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(source)


def syntax_fault(source: str) -> str | None:
    """Why `source` does not parse, with the line; None if it does."""
    try:
        parse(source)
    except SyntaxError as error:
        return f"{error.msg} (line {error.lineno}, column {error.offset})"
    except (ValueError, RecursionError, MemoryError) as error:
        return str(error) or "nested too deeply"
    return None


def lines_of(source: str) -> list[str]:
    """Lines with their ends, cut where Python cuts them and nowhere else."""
    return _LINE.findall(source)


def newline_of(source: str) -> str:
    """The line end that the source uses."""
    return "\r\n" if "\r\n" in source else "\n"


def definitions(tree: ast.Module) -> Iterator[tuple[str, Definition]]:
    """Top-level functions and classes, and the methods and classes inside these classes, by dotted name."""
    waiting: list[tuple[str, ast.AST]] = [("", tree)]
    while waiting:
        prefix, owner = waiting.pop(0)
        for node in ast.iter_child_nodes(owner):
            if isinstance(node, Definition):
                yield prefix + node.name, node
                if isinstance(node, ast.ClassDef):
                    waiting.append((f"{prefix}{node.name}.", node))


def find(source: str, name: str, path: Path) -> Definition:
    """The definition called `name`; the last one if it is defined again.

    Raises: UnknownName (which lists those there are)
    """
    known = dict(definitions(parse(source)))
    if name not in known:
        raise UnknownName(f"function or class in '{path}':", name, known)
    return known[name]


def extent(node: ast.stmt) -> tuple[int, int]:
    """First and last line of a statement, decorators included; counted from 1."""
    decorators = node.decorator_list if isinstance(node, Definition) else []
    return min([node.lineno, *(item.lineno for item in decorators)]), node.end_lineno or node.lineno


def text_of(source: str, node: ast.stmt) -> str:
    """The lines of a statement."""
    first, last = extent(node)
    return "".join(lines_of(source)[first - 1:last])


def without_imports_of(source: str, module: str) -> str:
    """Without the top-level imports of `module`: a model that sees its own module imported imports from it too."""
    if not module or syntax_fault(source) is not None:
        return source
    lines = lines_of(source)
    for node in parse(source).body:
        if (isinstance(node, ast.ImportFrom) and node.module == module and not node.level) or (
                isinstance(node, ast.Import) and any(alias.name == module for alias in node.names)):
            first, last = extent(node)
            lines[first - 1:last] = [""] * (last - first + 1)
    return "".join(lines).lstrip("\r\n")


def whole_part(answer: str) -> str:
    """The longest beginning of a model's answer, in whole top-level statements, that parses; empty if none does."""
    answer = answer.split("\n```")[0]
    answer = answer.removeprefix("```python\n").removeprefix("```\n")
    lines = lines_of(answer)
    ends = [len(lines), *(number for number in range(len(lines) - 1, 0, -1) if lines[number][:1] not in " \t\r\n)]}")]
    for end in ends:
        text = "".join(lines[:end])
        if syntax_fault(text) is None:
            return text.strip("\r\n") + "\n" if text.strip() else ""
    return ""
