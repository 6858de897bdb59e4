"""The models of the picture room, one file each."""

from __future__ import annotations

from makar.rooms.image.models import patchflow, tiny
from makar.rooms.image.models.patchflow import PatchFlow
from makar.store import StoredModel


def build(stored: StoredModel | None) -> PatchFlow:
    """The stored model, or the tiny one where nothing is stored."""
    return tiny.build() if stored is None else patchflow.build(stored)
