"""A picture before it is rendered, and what is known of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

PERMISSIVE = ("0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "CC-PDDC", "CC-BY-3.0", "CC-BY-4.0",
              "ISC", "MIT", "OFL-1.1", "Unlicense")
"""Licences whose pictures may be learned from; those that ask for a name get one in the attribution list."""


@dataclass(frozen=True)
class Drawing:
    """An SVG text or the bytes of a raster picture, with its words.

    name: its name within the source; concept: what it shows; keywords: further words for that
    style: the family of its look; credit: who made it
    """

    name: str
    concept: str
    style: str
    licence: str
    credit: str
    content: str | bytes
    keywords: tuple[str, ...] = ()


@dataclass(frozen=True)
class Source:
    """One place that drawings come from; its name is also the name of their look.

    drawings: gets the packages into a folder (once) and lists the drawings in a fixed order
    pixel: pictures of few and hard pixels, kept at 32
    """

    name: str
    package: str
    drawings: Callable[[Path], Iterator[Drawing]]
    pixel: bool = False
