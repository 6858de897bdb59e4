"""Puts a model's changed definitions into a file and leaves every other line as it was."""

from __future__ import annotations

import ast
import textwrap

from makar.verbs.code.source import Definition, extent, lines_of, newline_of, parse, syntax_fault, text_of


def merged(source: str, answer: str) -> str:
    """`source` in which what `answer` defines otherwise is replaced, and what it adds is added.

    A source that does not parse is replaced as a whole. Returns `source` itself where the answer changes nothing.
    """
    if syntax_fault(source) is not None:
        return answer
    if syntax_fault(answer) is not None:
        return source
    newline = newline_of(source)
    edits = _edits(source, answer)
    lines = lines_of(source)
    if lines and not lines[-1].endswith(("\n", "\r")):
        lines[-1] += newline
    for first, last, text in sorted(edits, key=lambda edit: edit[:2], reverse=True):
        lines[first - 1:last] = [line.rstrip("\r\n") + newline for line in lines_of(text)]
    new = "".join(lines)
    return new if syntax_fault(new) is None and edits else source


def _edits(source: str, answer: str) -> list[tuple[int, int, str]]:
    """(first line, last line, new lines); last is first - 1 where lines are inserted."""
    old_tree, new_tree = parse(source), parse(answer)
    old = _named(old_tree)
    methods = _methods(old_tree)
    edits: list[tuple[int, int, str]] = []
    added: list[str] = []
    for name, node in _named(new_tree).items():
        text = text_of(answer, node)
        if name in old:
            edits += _replacing(source, old[name], answer, node)
        elif name in methods and isinstance(node, Definition):
            edits += _replaced(source, methods[name], text)
        elif isinstance(node, Definition):
            added.append(text)
    edits += _new_imports(old_tree, new_tree, answer)
    if added and (edits or old):
        at = min((edit[0] for edit in edits if edit[1] >= edit[0]), default=len(lines_of(source)) + 1)
        edits.append((at, at - 1, "".join(f"{text.rstrip()}\n\n\n" for text in added)))
    return edits


def _named(tree: ast.Module) -> dict[str, ast.stmt]:
    """Top-level definitions and plain assignments by name."""
    named: dict[str, ast.stmt] = {}
    for node in tree.body:
        if isinstance(node, Definition):
            named[node.name] = node
        elif isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            named[node.targets[0].id] = node
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            named[node.target.id] = node
    return named


def _methods(tree: ast.Module) -> dict[str, Definition]:
    """Methods whose name only one class has: small models answer with a method without its class."""
    found: dict[str, list[Definition]] = {}
    for owner in tree.body:
        for node in owner.body if isinstance(owner, ast.ClassDef) else ():
            if isinstance(node, Definition):
                found.setdefault(node.name, []).append(node)
    return {name: nodes[0] for name, nodes in found.items() if len(nodes) == 1}


def _replacing(source: str, old: ast.stmt, answer: str, new: ast.stmt) -> list[tuple[int, int, str]]:
    if ast.dump(old) == ast.dump(new):
        return []
    if isinstance(old, ast.ClassDef) and isinstance(new, ast.ClassDef):
        kept = {node.name: node for node in old.body if isinstance(node, Definition)}
        given = {node.name: node for node in new.body if isinstance(node, Definition)}
        if kept.keys() - given.keys():  # an excerpt of the class: only its methods are taken
            return [edit for name, node in given.items() if name in kept and ast.dump(node) != ast.dump(kept[name])
                    for edit in _replaced(source, kept[name], text_of(answer, node))]
    return _replaced(source, old, text_of(answer, new))


def _replaced(source: str, old: ast.stmt, text: str) -> list[tuple[int, int, str]]:
    first, last = extent(old)
    line = lines_of(source)[first - 1]
    indent = line[:len(line) - len(line.lstrip())]
    body = textwrap.dedent(text).rstrip()
    if indent + body == text_of(source, old).rstrip():
        return []
    return [(first, last, textwrap.indent(body, indent, lambda _: True).rstrip() + "\n")]


def _new_imports(old_tree: ast.Module, new_tree: ast.Module, answer: str) -> list[tuple[int, int, str]]:
    imports = (ast.Import, ast.ImportFrom)
    known = {ast.dump(node) for node in old_tree.body if isinstance(node, imports)}
    missing = [text_of(answer, node) for node in new_tree.body if isinstance(node, imports)
               and ast.dump(node) not in known and not _within(node, old_tree)]
    if not missing:
        return []
    at = 1
    for node in old_tree.body:
        is_docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and node is old_tree.body[0]
        if not isinstance(node, imports) and not is_docstring:
            break
        at = (node.end_lineno or node.lineno) + 1
    return [(at, at - 1, "".join(missing))]


def _within(node: ast.Import | ast.ImportFrom, tree: ast.Module) -> bool:
    """Whether every name the import gives is imported, the same way, by the file already."""
    def parts(item: ast.Import | ast.ImportFrom) -> set[tuple[str | None, str, str | None]]:
        module = item.module if isinstance(item, ast.ImportFrom) else None
        return {(module, alias.name, alias.asname) for alias in item.names}

    given = [part for item in tree.body if isinstance(item, (ast.Import, ast.ImportFrom)) for part in parts(item)]
    return parts(node) <= set(given)
