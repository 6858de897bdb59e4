"""`makar.code.doc`: docstrings for a file or one function of it; the code stays what it was."""

from __future__ import annotations

import ast
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from makar.kit.errors import BadInput
from makar.verbs.code.docstrings import header_text, sentence, shape, with_docstring
from makar.verbs.code.options import CodeSettings, options_of
from makar.verbs.code.source import Definition, definitions, find, parse, place, read_python, syntax_fault, text_of

if TYPE_CHECKING:
    from makar.ledger import Ledger
    from makar.provenance.released import Released
    from makar.verbs.code.bench import Bench

USUAL_DOCSTRING_TOK = 160
_MOST_CHARS = 1200


def doc(where: str | Path, *, ledger: Ledger | None = None, **settings: Unpack[CodeSettings]) -> Released:
    """The whole text of `FILE` with docstrings for what has none and is public; with `FILE:NAME` for that, anew.

    The syntax tree without docstrings is the same before and after; comments and layout stay. See CodeOptions.
    Raises: Withheld, BadInput (nothing to document), UnknownName, NotHere, NoNetwork, Interrupted
    """
    from makar.verbs.code.bench import bench

    options, spot = options_of({"max_tokens": USUAL_DOCSTRING_TOK, **settings}), place(where)
    source = read_python(spot.path)
    names = [spot.name] if spot.name is not None else _bare(source)
    if spot.name is not None:
        find(source, spot.name, spot.path)
    if not names:
        raise BadInput(f"everything public in '{spot.path}' has a docstring; to write one anew, name it: "
                       f"makar code doc {spot.path}:NAME")
    with bench("doc", {"source": source, "names": names}, {"given": source}, options, ledger) as own:
        new = source
        for name in names:
            new = _documented(own, new, name, spot.path, options.attempts)
        if new == source:
            raise BadInput(f"no attempt of {options.attempts} made a docstring for {', '.join(names)}; raise "
                           "--attempts or name a larger model")
        if shape(new) != shape(source):
            raise AssertionError("a docstring changed the code")
        return own.release(new)


def _bare(source: str) -> list[str]:
    """Public definitions without a docstring."""
    return [name for name, node in definitions(parse(source)) if ast.get_docstring(node) is None
            and not any(part.startswith("_") for part in name.split("."))]


def _documented(own: Bench, source: str, name: str, path: Path, attempts: int) -> str:
    """`source` with a docstring for `name`; as it was where no attempt makes a fitting one."""
    from makar.rooms.code import CodeRequest

    node = find(source, name, path)
    indent = " " * 4
    for number in range(attempts):
        made = own.ask(
            CodeRequest("doc", own.model, source=textwrap.dedent(text_of(source, node)), instruction=f"`{name}`",
                        prefix=f'{_header(source, node)}{indent}"""'),
            first_temperature=own.options.temperature if number == 0 else None)
        words = made.text if made.finish == "stop" else sentence(made.text)
        new = _placed(source, node, words)
        if new is not None:
            return new
    return source


def _header(source: str, node: Definition) -> str:
    text = textwrap.dedent(header_text(source, node))
    return text if text.rstrip().endswith(":") else f"{text.rstrip().rpartition(':')[0]}:\n"


def _placed(source: str, node: Definition, words: str) -> str | None:
    """The source with the docstring, if it has words and leaves the code as it was."""
    if not words.strip() or len(words) > _MOST_CHARS or "```" in words:
        return None
    new = with_docstring(source, node, words)
    return new if syntax_fault(new) is None and shape(new) == shape(source) else None
