"""What a run's folder says from its first moment on: its settings, and which data it was begun on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypeVar

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


def begin(out: Path, config: object, data: Path, root: str) -> None:
    """Writes it down. root: the hash that names the data

    Raises: OutOfRoom, BadInput
    """
    atomic_write(out / RUN, json.dumps({"config": to_json(config), "data": str(data), "root": root}, indent=1))


def expect_run_of(out: Path, recipe: str) -> None:
    """Raises: NotHere (no run in the folder), BadInput (a run of another recipe), Damaged"""
    try:
        found = json.loads((out / RUN).read_bytes())["config"]["recipe"]
    except FileNotFoundError as error:
        raise NotHere(f"there is no run in '{out}'; begin one without --resume") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Damaged(f"'{out / RUN}' cannot be read ({error!s:.100}); begin again in another folder") from error
    if found != recipe:
        raise BadInput(f"the run in '{out}' is of {found}, not of {recipe}")


def begun(out: Path, kind: type[C]) -> tuple[C, Path, str]:
    """The settings, where the data was, and their root.

    Raises: NotHere, Damaged
    """
    try:
        facts = json.loads((out / RUN).read_bytes())
        return from_json(kind, facts["config"]), Path(facts["data"]), str(facts["root"])
    except FileNotFoundError as error:
        raise NotHere(f"there is no run in '{out}'; begin one without --resume") from error
    except (ValueError, KeyError, TypeError) as error:
        raise Damaged(f"'{out / RUN}' cannot be read ({error!s:.100})") from error


def expect_same(path: Path, found: str, root: str) -> None:
    """Raises: Damaged (other data than the run was begun on)"""
    if found != root:
        raise Damaged(f"the data in '{path}' is {found[:16]}, the run was begun on {root[:16]}")
