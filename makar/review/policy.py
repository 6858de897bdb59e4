"""A policy says what to do about a failed check: release, mask, hold for a person, refuse. A TOML file each."""

from __future__ import annotations

import string
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from makar.checks import check_names
from makar.kit.errors import BadInput, UnknownName
from makar.kit.files import read_text

ACTIONS = ("release", "mask", "hold", "refuse")  # from the softest to the hardest
KEYS = ("name", "extends", "otherwise", "mask", "marks", "sign", "signed_request", "actions", "originality")
BUILT_IN = ("default", "strict")
TOLD = ("hash", "full")
LIMIT_BYTES = 100_000


@dataclass(frozen=True)
class Policy:
    """What to do when a check fails.

    otherwise: the action for checks that `actions` does not name
    mask: what a masked span is replaced with; `{label}` is what was found
    sign: whether works are signed as they leave
    signed_request: how a signed manifest tells what was asked: "hash" or "full"
    marks: whether works carry an imperceptible mark, where there is one for their kind
    asked: what checks judge by under this policy, see `makar.verdict.Subject`
    """

    name: str
    actions: Mapping[str, str] = field(default_factory=dict)
    otherwise: str = "hold"
    mask: str = "[{label} removed]"
    asked: Mapping[str, Any] = field(default_factory=dict)
    marks: bool = True
    sign: bool = True
    signed_request: str = "hash"

    def asks(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """All that checks judge by: what the request asked and what the policy asks."""
        return {**asked, **self.asked}

    def action(self, check: str) -> str:
        """What to do when the check of this name fails."""
        return self.actions.get(check, self.otherwise)


def load_policy(name_or_path: str | Path) -> Policy:
    """A built-in policy by name, or a user's TOML file by path (anything with a slash or ending in `.toml`).

    Raises: UnknownName (policy, key, check or action), BadInput, NotHere, Damaged (an index that changed)
    """
    name = str(name_or_path)
    if name in BUILT_IN:
        text = resources.files("makar.review").joinpath("policies", f"{name}.toml").read_text(encoding="utf-8")
        return _build(_parse(text, name), name, Path())
    if not name.endswith(".toml") and "/" not in name and not Path(name).is_file():
        raise UnknownName("policy", name, [*BUILT_IN, "PATH.toml"])
    table = _parse(read_text(Path(name).expanduser(), limit_bytes=LIMIT_BYTES), name)
    _require_known(table, name)
    return _build(table, Path(name).stem, Path(name).expanduser().parent)


def _parse(text: str, source: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"policy '{source}' is not TOML: {error}") from error


def _require_known(table: Mapping[str, Any], source: str) -> None:
    for key in table:
        if key not in KEYS:
            raise UnknownName(f"key of policy '{source}':", key, KEYS)
    known = check_names()
    for check in _table(table, "actions", source):
        if check not in known:
            raise UnknownName("check", check, known)


def _build(table: Mapping[str, Any], name: str, folder: Path) -> Policy:
    extended = table.get("extends")
    if extended is not None and extended not in BUILT_IN:
        raise UnknownName("policy to extend", str(extended), BUILT_IN)
    parent = load_policy(extended) if extended else Policy(name)
    actions = {**parent.actions, **_table(table, "actions", name)}
    otherwise = table.get("otherwise", parent.otherwise)
    for action in (*actions.values(), otherwise):
        if action not in ACTIONS:
            raise UnknownName("action", str(action), ACTIONS)
    return Policy(_line(table.get("name", name), "name"), actions, otherwise,
                  _require_mask(table.get("mask", parent.mask)), {**parent.asked, **_asked(table, name, folder)},
                  _truth(table.get("marks", parent.marks), "marks"), _truth(table.get("sign", parent.sign), "sign"),
                  _told(table.get("signed_request", parent.signed_request)))


def _asked(table: Mapping[str, Any], name: str, folder: Path) -> dict[str, Any]:
    if "originality" not in table:
        return {}
    from makar.checks.originality import settings

    return {"originality": settings(_table(table, "originality", name), folder)}


def _table(table: Mapping[str, Any], key: str, source: str) -> Mapping[str, Any]:
    inner = table.get(key, {})
    if not isinstance(inner, Mapping):
        raise BadInput(f"policy '{source}': [{key}] should be a table, got {inner!r:.80}")
    return inner


def _line(value: Any, key: str) -> str:
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise BadInput(f"policy key '{key}': expected one line of text, got {value!r:.80}")
    return value


def _truth(value: Any, key: str) -> bool:
    if not isinstance(value, bool):
        raise BadInput(f"policy key '{key}': expected true or false, got {value!r:.80}")
    return value


def _told(value: Any) -> str:
    if value not in TOLD:
        raise UnknownName("value of the policy key 'signed_request':", str(value), TOLD)
    return str(value)


def _require_mask(value: Any) -> str:
    """A mask stands inside JSON strings, code and prose alike, so nothing in it may need escaping there."""
    mask = _line(value, "mask")
    if set(mask) & set("\"'`\\<>&"):
        raise BadInput(f"policy key 'mask': {mask!r} has a quote, backslash or markup character; use plain words")
    try:
        fields = {name for _, name, form, turn in string.Formatter().parse(mask) if name is not None or form or turn}
    except ValueError as error:
        raise BadInput(f"policy key 'mask': {mask!r}: {error}; write it like '[{{label}} removed]'") from error
    if fields - {"label"} or "{label:" in mask or "{label!" in mask:
        raise BadInput(f"policy key 'mask': {mask!r} may name only {{label}}, as in '[{{label}} removed]'")
    return mask
