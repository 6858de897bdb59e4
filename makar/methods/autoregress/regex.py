"""Regexes that mean the same to Python and to the grammar, or are refused."""

from __future__ import annotations

import re
import warnings

from makar.kit.errors import BadInput

_PART = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]", re.DOTALL)  # an escape, or a class of characters
_CONTROLS = "".join(map(chr, range(0x20)))


def checked(regex: str, name: str = "the regex") -> str:
    """The regex as it is, if Python reads it and it holds nothing that Python reads otherwise than Rust.

    Raises: BadInput
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            re.compile(regex)
    except (re.error, FutureWarning, DeprecationWarning, RecursionError, OverflowError) as error:
        raise BadInput(f"{name} {regex[:80]!r} cannot be read: {error}") from None
    possessive = re.search(r"[*+?}]\+", _PART.sub("x", regex))
    if possessive:
        raise BadInput(f"{name} {regex[:80]!r} has a possessive quantifier '{possessive[0]}', which cannot be enforced;"
                       " take out the second '+'")
    return regex


def within_json(regex: str, name: str) -> str:
    """The regex so that a JSON string grammar keeps to it.

    llguidance lets the escapes for quote and backslash through a class that holds the control characters but not those
    two, such as [^"]. Such a class also gives up U+0001 here, which closes that hole.

    Raises: BadInput
    """
    return _PART.sub(lambda part: _tight(part[0], name), checked(regex, name))


def leaks(regex: str) -> bool:
    """Whether `within_json` would change the regex."""
    return any(_leaks(part) for part in _PART.findall(regex))


def _tight(part: str, name: str) -> str:
    if not _leaks(part):
        return part
    if not part.startswith("[^"):
        raise BadInput(f"{name} has the class {part[:60]!r}, which cannot be enforced within JSON; write it as [^...]")
    return "[^\\x01" + part[2:]


def _leaks(part: str) -> bool:
    if not part.startswith("["):
        return False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        one = re.compile(part)
    holds_controls = all(one.match(char) for char in _CONTROLS if char != "\n")
    return holds_controls and not (one.match('"') and one.match("\\"))
