"""What a run's folder says from its first moment on: its settings, and which data it was begun on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from makar.kit.config import from_json, to_json
from makar.kit.errors import BadInput, Damaged, NotHere
from makar.kit.files import atomic_write

RUN = "run.json"
C = TypeVar("C")


def expect_none(out: Path, recipe: str) -> None:
    """Raises: BadInput (there is a run in the folder)"""
    if (out / RUN).exists():
        raise BadInput(f"there is a run in '{out}' already; go on with it: makar train {recipe} --resume "
                       f"-o {out} ; or name another folder with -o")


def begin(out: Path, config: object, data: Mapping[str, Any]) -> None:
    """Writes it down. data: what is known of it, at least `where` it was and the `root` that names it

    Raises: OutOfRoom, BadInput
    """
    atomic_write(out / RUN, json.dumps({"config": to_json(config), "data": dict(data)}, indent=1))


def expect_run_of(out: Path, recipe: str) -> None:
    """Raises: NotHere (no run in the folder), BadInput (a run of another recipe), Damaged"""
    found = _said(out)["config"].get("recipe")
    if found != recipe:
        raise BadInput(f"the run in '{out}' is of {found}, not of {recipe}")


def begun(out: Path, kind: type[C]) -> tuple[C, dict[str, Any]]:
    """The settings, and what was known of the data.

    Raises: NotHere, Damaged
    """
    facts = _said(out)
    try:
        config = from_json(kind, facts["config"])
    except (BadInput, TypeError) as error:
        raise _unreadable(out, error) from error
    for name in ("where", "root"):
        if name not in facts["data"]:
            raise Damaged(f"'{out / RUN}' does not say the {name} of its data; begin again in another folder")
    return config, facts["data"]


def _said(out: Path) -> dict[str, Any]:
    try:
        facts = json.loads((out / RUN).read_bytes())
        return {"config": dict(facts["config"]), "data": dict(facts["data"])}
    except FileNotFoundError as error:
        raise NotHere(f"there is no run in '{out}'; begin one without --resume") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _unreadable(out, error) from error


def _unreadable(out: Path, error: Exception) -> Damaged:
    return Damaged(f"'{out / RUN}' cannot be read ({error!s:.100}); begin again in another folder")


def expect_same(path: Path, found: str, root: str) -> None:
    """Raises: Damaged (other data than the run was begun on)"""
    if found != root:
        raise Damaged(f"the data in '{path}' is {found[:16]}, the run was begun on {root[:16]}")
