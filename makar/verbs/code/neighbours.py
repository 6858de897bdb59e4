"""The files that code and its tests import from their own project, found by reading the imports, to go along."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from makar.kit.errors import BadInput, MakarError
from makar.kit.files import read_text
from makar.verbs.code.source import parse

MOST_FILES = 200
MOST_BYTES = 4_000_000


@dataclass(frozen=True)
class Project:
    """What a test run needs.

    content_path: where the code in question stands among the files; module: the name it is imported by
    files: everything else, path to text; tests: which of them are run
    """

    content_path: str
    module: str
    files: dict[str, str] = field(default_factory=dict)
    tests: tuple[str, ...] = ()

    def asked(self) -> dict[str, object]:
        """As the check `tests_pass` is asked."""
        return {"files": dict(self.files), "content_path": self.content_path, "run": list(self.tests)}


def project_of(path: Path, test: Path | None = None) -> Project:
    """The project around `path`, as far as it and `test` import it.

    Raises: BadInput (a name that cannot be imported, too many files), NotHere
    """
    path = path.resolve()
    root = path.parent
    while (root / "__init__.py").exists() and root != root.parent:
        root = root.parent
    own = path.relative_to(root)
    module = ".".join(own.with_suffix("").parts).removesuffix(".__init__")
    if not all(part.isidentifier() for part in module.split(".")):
        raise BadInput(f"'{path.name}' cannot be imported by a test: '{module}' is no module name; rename the file")
    roots = [root] + ([test.resolve().parent] if test is not None else []) + [Path.cwd()]
    files = {str(own): read_text(path)}
    tests: tuple[str, ...] = ()
    if test is not None:
        tests = (_test_name(test.resolve(), root),)
        files[tests[0]] = read_text(test)
        conftest = test.resolve().parent / "conftest.py"
        if conftest.exists():
            files[str(Path(tests[0]).parent / "conftest.py")] = read_text(conftest)
    _add_imported(files, roots)
    return Project(str(own), module, {name: text for name, text in files.items() if name != str(own)}, tests)


def _test_name(test: Path, root: Path) -> str:
    name = str(test.relative_to(root)) if test.is_relative_to(root) else test.name
    # pytest takes any file it is given, but imports it by its name.
    return name if test.stem.isidentifier() else "test_given.py"


def _add_imported(files: dict[str, str], roots: list[Path]) -> None:
    waiting = list(files)
    while waiting:
        name = waiting.pop()
        for module in _imports(files[name], name):
            for found, path in _files_of(module, roots):
                if found in files:
                    continue
                try:
                    files[found] = read_text(path)
                except MakarError:  # not text: the import will say so where it is needed
                    continue
                waiting.append(found)
        if len(files) > MOST_FILES or sum(map(len, files.values())) > MOST_BYTES:
            raise BadInput(f"the code imports more than {MOST_FILES} files or {MOST_BYTES:,} characters of its own "
                           "project, which is too much to try it apart; name a smaller file")


def _imports(source: str, name: str) -> Iterator[str]:
    try:
        tree = parse(source)
    except (SyntaxError, ValueError):
        return
    package = Path(name).parts[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[:len(package) - node.level + 1] if node.level else ()
            whole = ".".join([*above, *([node.module] if node.module else [])])
            yield whole
            yield from (f"{whole}.{alias.name}" for alias in node.names if alias.name != "*")


def _files_of(module: str, roots: list[Path]) -> Iterator[tuple[str, Path]]:
    parts = [part for part in module.split(".") if part]
    for root in roots:
        if not parts or not ((root / parts[0]).is_dir() or (root / f"{parts[0]}.py").is_file()):
            continue
        for depth in range(1, len(parts) + 1):
            for tail in (Path(*parts[:depth], "__init__.py"), Path(*parts[:depth]).with_suffix(".py")):
                if (root / tail).is_file():
                    yield str(tail), root / tail
        return
