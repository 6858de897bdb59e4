"""Models that come with Makar: trained by its own recipes, and small enough to be part of the package."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from makar.kit.errors import Damaged
from makar.store import native
from makar.store.stored_model import Origin


@dataclass(frozen=True)
class Shipped:
    """One such model; the first use takes it into the store. sha256: of its weights"""

    name: str
    sha256: str
    num_params: int
    licence: str

    @property
    def folder(self) -> Path:
        """Where the package has it: a checkpoint without what only training needs."""
        return Path(__file__).parent / "shipped" / self.name

    def is_in(self, folder: Path) -> bool:
        """Whether a folder of the store is this model: an older version of Makar came with other weights under the same
        name, or with the same and another way to draw with them.

        Raises: Damaged, BadInput
        """
        return native.facts(folder) == self._facts

    @functools.cached_property
    def _facts(self) -> Mapping[str, Any]:
        return native.facts(self.folder)

    def origin(self) -> Origin:
        """What its folder says of itself, its weights read and found to be those that are meant.

        Raises: Damaged, BadInput
        """
        found = native.origin(self.folder, self.name)
        if found.sha256 != self.sha256:
            raise Damaged(f"the weights of {self.name} that came with Makar were changed: they hash to "
                          f"{found.sha256[:16]}…, expected {self.sha256[:16]}…; install Makar again")
        return found


ICONS_32 = Shipped("icons-32", "b24fdd984a5ff1b595d6ad632bb2e17f9f4753a962409dd55334b12e30903b9b",
                   23_098_496, "Apache-2.0")
"""Icons, emoji, tiles and avatars of 32 pixels, by the recipe image/icons_cpu."""

ICONS_128 = Shipped("icons-128", "e86ecb41e8e13acc5219df807309d2be813fe9c065acbc2e88a845d7dee52ebd",
                   702_726, "Apache-2.0")
"""The same, cleaner and of 128 pixels, by the recipe image/icons_clean_cpu: an autoencoder over what that one draws."""

AVATARS_16 = Shipped("avatars-16", "3e5e725943a8114cfdb560ffe76dc251ceb954ab21bcf398f2fd54a5f44fa63a",
                     2_851_632, "Apache-2.0")
"""Avatars of 16 pixels by their attributes, by the recipe image/avatars_cpu."""

SHIPPED: Mapping[str, Shipped] = MappingProxyType({model.name: model for model in (ICONS_128, ICONS_32, AVATARS_16)})
