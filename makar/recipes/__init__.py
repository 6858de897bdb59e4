"""Whole runs as plain functions that return a Config. The file's path is the recipe's name: `text/tiny`."""

from __future__ import annotations

from typing import Any

from makar.kit import plugins
from makar.kit.errors import UnknownName


def names() -> list[str]:
    """Every recipe; nothing heavy is imported."""
    return [f"{kind}/{name}" for kind in plugins.names("makar.recipes")
            for name in plugins.names(f"makar.recipes.{kind}")]


def full_name(name: str) -> str:
    """The recipe's name with its folder; a file's own name is enough where only one is called so, and a folder's name
    where it has one for data of your own.

    Raises: UnknownName
    """
    known = names()
    found = [full for full in known if name in (full, full.partition("/")[2]) or full == f"{name}/own"]
    if len(found) != 1:
        raise UnknownName("recipe", name, known)
    return found[0]


def load(name: str) -> Any:
    """The recipe of that name: a `train.recipe.Recipe`, or for pictures a `train.pictures.recipe.PictureRecipe`.

    Raises: UnknownName
    """
    kind, _, rest = full_name(name).partition("/")
    found: Any = plugins.load(f"makar.recipes.{kind}", rest, "RECIPE")
    return found
