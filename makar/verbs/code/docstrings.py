"""Puts a docstring into source text at the place the syntax tree names; every other character stays."""

from __future__ import annotations

import ast
import inspect
import io
import tokenize
from itertools import pairwise

from makar.kit.errors import BadInput
from makar.verbs.code.source import Definition, extent, lines_of, newline_of, parse


def shape(source: str) -> str:
    """The syntax tree without docstrings, as text: two sources of one shape do the same."""
    tree = parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | Definition) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:]
    return ast.dump(tree)


def with_docstring(source: str, node: Definition, words: str) -> str:
    """`source` in which the definition `node` (of this very source) has the docstring `words`.

    Raises: BadInput (the words are empty; an old docstring shares its line with code)
    """
    newline = newline_of(source)
    lines = lines_of(source)
    if not lines[-1].endswith(("\n", "\r")):
        lines[-1] += newline
    first = node.body[0]
    old = first if ast.get_docstring(node, clean=False) is not None else None
    header = _header_end(source, node)
    if first.lineno <= header:
        return _unfolded(lines, node, words, newline)
    indent = lines[first.lineno - 1][:len(lines[first.lineno - 1]) - len(lines[first.lineno - 1].lstrip())]
    text = _literal(words, indent, newline)
    if old is None:
        lines.insert(header, text)
    else:
        last = old.end_lineno or old.lineno
        following = node.body[1].lineno if len(node.body) > 1 else last + 1
        if following <= last:
            raise BadInput(f"the docstring of '{node.name}' shares its line with code; put it on a line of its own")
        lines[old.lineno - 1:last] = [text]
    return "".join(lines)


def _header_end(source: str, node: Definition) -> int:
    """The last line of `def ...:` or `class ...:`."""
    first = node.lineno
    part = "".join(lines_of(source)[first - 1:extent(node)[1]])
    depth = 0
    for token in tokenize.generate_tokens(io.StringIO(part, newline="").readline):
        if token.type == tokenize.NEWLINE:
            break
        depth += {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}.get(token.string, 0) \
            if token.type == tokenize.OP else 0
    return first + token.end[0] - 1


def _unfolded(lines: list[str], node: Definition, words: str, newline: str) -> str:
    """A body on the header's line moves to a line of its own, below the docstring."""
    first = node.body[0]
    line = lines[first.lineno - 1]
    at = len(line.encode()[:first.col_offset].decode())
    indent = lines[node.lineno - 1][:len(lines[node.lineno - 1]) - len(lines[node.lineno - 1].lstrip())] + "    "
    rest = line[at:]
    if ast.get_docstring(node, clean=False) is not None:
        raise BadInput(f"the docstring of '{node.name}' shares its line with code; put it on a line of its own")
    lines[first.lineno - 1] = f"{line[:at].rstrip()}{newline}{_literal(words, indent, newline)}{indent}{rest}"
    return "".join(lines)


def _literal(words: str, indent: str, newline: str) -> str:
    text = inspect.cleandoc(words).strip().replace("\\", "\\\\").replace('"""', "'''")
    if not text:
        raise BadInput("a docstring needs words")
    if text.endswith('"'):
        text = f'{text[:-1]}\\"'
    lines = [line.rstrip() for line in text.splitlines()]
    if len(lines) == 1:
        return f'{indent}"""{lines[0]}"""{newline}'
    body = [f'{indent}"""{lines[0]}', *(f"{indent}{line}" if line else "" for line in lines[1:]), f'{indent}"""']
    return newline.join(body) + newline


def header_text(source: str, node: Definition) -> str:
    """The lines of `def ...:` or `class ...:`, without decorators."""
    return "".join(lines_of(source)[node.lineno - 1:_header_end(source, node)])


def sentence(words: str) -> str:
    """`words` to the end of the last whole sentence, for a model that was cut off; all of them if there is none."""
    ends = [place for place, (this, following) in enumerate(pairwise(f"{words} "))
            if this in ".!?" and following.isspace()]
    return words[:ends[-1] + 1] if ends else words
