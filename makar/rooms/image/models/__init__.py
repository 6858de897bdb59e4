"""The models of the picture room, one file each."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Protocol

from makar.codecs.picture import Pixels
from makar.rooms.image.confidence import Nearness
from makar.rooms.image.request import ImageRequest, ImageSampling
from makar.rooms.image.styles import Looks
from makar.store import StoredModel
from makar.store.native import AUTOENCODER, PAINTER, family_of


class PictureModel(Protocol):
    """What the room asks of a model."""

    @property
    def name(self) -> str:
        """As the store knows it."""
        ...

    @property
    def sha256(self) -> str:
        """The identity of its weights."""
        ...

    @property
    def training_data(self) -> str:
        """What is known of the data that it learned from."""
        ...

    @property
    def looks(self) -> Looks:
        """The styles it knows."""
        ...

    @property
    def concepts(self) -> tuple[str, ...]:
        """What it was shown, where that is known."""
        ...

    @property
    def usual(self) -> ImageSampling:
        """How it draws where nothing else is asked for."""
        ...

    @property
    def heeds(self) -> tuple[str, ...]:
        """Which of `steps`, `guidance`, `solver`, `times` and `tries` change what it draws from words."""
        ...

    @property
    def learned_as(self) -> str:
        """The stored model that has the index of the pictures it learned from, where there is one."""
        ...

    @property
    def library(self) -> str:
        """The package that computes its pictures, whose version can change their bytes."""
        ...

    def nearness(self, prompt: str) -> Nearness:
        """How near a prompt is to what it was shown."""
        ...

    def pictures(self, request: ImageRequest) -> Iterator[tuple[int, Pixels]]:
        """Every candidate with its index, each drawn alone. Shapes: RGBA (S, S, 4)"""
        ...


def build(stored: StoredModel | None) -> PictureModel:
    """The stored model, or the tiny one where nothing is stored. Only its own kind is imported, for PyTorch and
    diffusers take longer to import than small pictures do to be drawn.
    """
    if stored is None:
        kind = "tiny"
    elif (family := stored.architecture.get("family")) in ("enlarger", "diffusers"):
        kind = "enlarging" if family == "enlarger" else "diffusers"
    else:
        kind = {PAINTER: "avatars", AUTOENCODER: "cleaned"}.get(family_of(stored.folder), "patchflow")
    module = importlib.import_module(f"makar.rooms.image.models.{kind}")
    found: PictureModel = module.build() if stored is None else module.build(stored)
    return found
