"""Registries without a list: a package's file names are the names, and entry points add from outside."""

from __future__ import annotations

import importlib
import pkgutil
from importlib.metadata import entry_points
from typing import Any

from makar.kit.errors import UnknownName


def names(package: str, group: str | None = None) -> list[str]:
    """Public module names in `package`, and the entry points of `group`; nothing is imported but the package itself."""
    found = {info.name for info in pkgutil.iter_modules(importlib.import_module(package).__path__)
             if not info.name.startswith("_")}
    if group is not None:
        found |= {point.name for point in entry_points(group=group)}
    return sorted(found)


def load(package: str, name: str, attribute: str, group: str | None = None) -> Any:
    """`attribute` of the module `package.name`, or what the entry point `name` of `group` loads.

    Raises: UnknownName
    """
    known = names(package, group)
    if name not in known:
        raise UnknownName(package.rsplit(".", 1)[-1].rstrip("s"), name, known)
    for point in entry_points(group=group) if group is not None else ():
        if point.name == name:
            return point.load()
    return getattr(importlib.import_module(f"{package}.{name}"), attribute)
