"""Small mistakes put into code on purpose: tests that notice none of them say nothing about it."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator

_SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult,
    ast.Lt: ast.GtE, ast.GtE: ast.Lt, ast.Gt: ast.LtE, ast.LtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.And: ast.Or, ast.Or: ast.And,
}


def mutants(source: str, name: str | None, most: int) -> Iterator[str]:
    """Up to `most` versions of `source`, each with one mistake within the definition `name` (None: anywhere)."""
    tree = ast.parse(source)
    count = sum(1 for _ in _sites(tree, name))
    step = max(1, count // most)
    for index in list(range(0, count, step))[:most]:
        changed = copy.deepcopy(tree)
        for number, (node, owner) in enumerate(_sites(changed, name)):
            if number == index:
                _spoil(node, owner)
        yield ast.unparse(ast.fix_missing_locations(changed))


def _sites(tree: ast.Module, name: str | None) -> Iterator[tuple[ast.AST, ast.AST]]:
    """Nodes that can be spoiled, with the node they belong to."""
    for part in tree.body if name is None else _parts(tree, name):
        if isinstance(part, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            for owner in ast.walk(part):
                for node in ast.iter_child_nodes(owner):
                    if type(node) in _SWAPS or (isinstance(node, ast.Return) and node.value is not None):
                        yield node, owner


def _parts(tree: ast.Module, name: str) -> list[ast.stmt]:
    body, found = tree.body, list[ast.stmt]()
    for word in name.split("."):
        found = [node for node in body if getattr(node, "name", None) == word]
        body = [item for node in found for item in getattr(node, "body", [])]
    return found


def _spoil(node: ast.AST, owner: ast.AST) -> None:
    if isinstance(node, ast.Return):
        node.value = ast.Constant(None)
        return
    other = _SWAPS[type(node)]()
    for field, value in ast.iter_fields(owner):
        if value is node:
            setattr(owner, field, other)
        elif isinstance(value, list) and node in value:
            value[value.index(node)] = other
