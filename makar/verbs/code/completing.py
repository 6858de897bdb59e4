"""`makar.code.complete`: fills the gap at one place of a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from makar.kit.errors import BadInput
from makar.verbs.code.options import CodeSettings, options_of
from makar.verbs.code.source import lines_of, read_python, syntax_fault

if TYPE_CHECKING:
    from makar.ledger import Ledger
    from makar.provenance.released import Released

USUAL_GAP_TOK = 192


def complete(where: str, *, ledger: Ledger | None = None, **settings: Unpack[CodeSettings]) -> Released:
    """What belongs at `FILE:LINE[:COL]` (counted from 1; without COL at the end of the line). See CodeOptions.

    Raises: Withheld, BadInput (no such place; the model cannot fill gaps), NotHere, NoNetwork, Interrupted
    """
    from makar.rooms.code import CodeRequest
    from makar.verbs.code.bench import bench

    path, line, column = spot_of(where)
    prefix, suffix = around(read_python(path, must_parse=False), path, line, column)
    options = options_of({"max_tokens": USUAL_GAP_TOK, **settings})
    around_it = {"prefix": prefix, "suffix": suffix}
    with bench("complete", around_it, around_it, options, ledger) as own:
        for _ in range(options.attempts):
            made = own.ask(CodeRequest("complete", own.model, prefix=prefix, suffix=suffix))
            text = fitting(made.text, prefix, suffix)
            if text.strip():
                return own.release(text)
    raise BadInput(f"the model has nothing to put at {path}:{line}:{column or len(prefix)}; choose a place where "
                   "something is missing")


def spot_of(where: str) -> tuple[Path, int, int | None]:
    """File, line and column of `FILE:LINE[:COL]`.

    Raises: BadInput
    """
    words = where.rsplit(":", 2)
    numbers: list[int] = []
    while len(words) > 1 and words[-1].isdigit():
        numbers.insert(0, int(words.pop()))
    if not numbers:
        raise BadInput(f"complete needs a place FILE:LINE or FILE:LINE:COL; got '{where}'")
    return Path(":".join(words)), numbers[0], numbers[1] if len(numbers) > 1 else None


def around(source: str, path: Path, line: int, column: int | None) -> tuple[str, str]:
    """What stands before and after a place.

    Raises: BadInput (with both numbers)
    """
    lines = lines_of(source)
    if not lines or lines[-1].endswith(("\n", "\r")):
        lines.append("")  # the place after the last line end
    if not 1 <= line <= len(lines):
        raise BadInput(f"'{path}' has {len(lines)} lines; there is no line {line}")
    width = len(lines[line - 1].rstrip("\r\n"))
    at = width if column is None else column - 1
    if not 0 <= at <= width:
        raise BadInput(f"line {line} of '{path}' has columns 1 to {width + 1}; there is no column {column}")
    before = sum(map(len, lines[:line - 1])) + at
    return source[:before], source[before:]


def fitting(middle: str, prefix: str, suffix: str) -> str:
    """The longest beginning of `middle` with which the file parses; models run on past the gap."""
    following = next((text.strip() for text in suffix.splitlines() if len(text.strip()) > 3), None)
    for end, text in enumerate(lines_of(middle)):
        if end and text.strip() == following:
            middle = "".join(lines_of(middle)[:end])
            break
    middle = _within_block(middle, prefix)
    if suffix.splitlines()[:1] and suffix.splitlines()[0].strip():
        middle = middle.splitlines()[0] if middle.strip() else ""  # within a line only the line is filled
    return next((text for text in _shorter(middle) if syntax_fault(prefix + text + suffix) is None), middle)


def _within_block(middle: str, prefix: str) -> str:
    """`middle` up to the first line that leaves the block that the gap stands in."""
    line = prefix[max(prefix.rfind("\n"), prefix.rfind("\r")) + 1:]
    indent = len(line) - len(line.lstrip())
    lines = lines_of(middle)
    for number, text in enumerate(lines[1:], 1):
        closes = text.lstrip()[:1] in (")", "]", "}")
        if text.strip() and len(text) - len(text.lstrip()) < indent and not closes:
            return "".join(lines[:number]).rstrip() + "\n"
    return middle


def _shorter(middle: str) -> Iterator[str]:
    lines = lines_of(middle)
    for end in range(len(lines), 0, -1):
        text = "".join(lines[:end])
        yield text
        yield text.rstrip("\r\n")
