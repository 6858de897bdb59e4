"""Tiles of 32 pixels of the game Dungeon Crawl Stone Soup, from its Debian source package (tiles: CC0)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from makar.curation.pictures.clients import debian_source, members
from makar.curation.pictures.drawing import Drawing, Source

PACKAGE = "crawl"
# Whole objects; walls, floors, parts of long bodies and the clothes of paper dolls show nothing on their own.
_WHOLE = re.compile(r"rltiles/(item/(?!.*(/i-|label|randart))|mon/(?!tentacles|panlord|mutantbeast|.*unused)|"
                    r"dngn/(altars|gateways|shops|statues|traps|trees|doors)/|gui/(spells|invocations)/|"
                    r"player/felids/).*\.png$")
_NOISE = re.compile(r"(?<=[a-z_])_?\d+$|_(old|new|base|east|west|north|south|closed\d*|[a-z])$")
_KINDS = {"mon": "monster", "dngn": "dungeon", "item": "item", "gui": "spell", "player": "cat"}


def _drawings(folder: Path) -> Iterator[Drawing]:
    for member, data in members(debian_source(PACKAGE, folder), _WHOLE.pattern):
        kind, *inside, stem = Path(member.partition("rltiles/")[2]).with_suffix("").parts
        name = _NOISE.sub("", _NOISE.sub("", stem)).replace("_", " ").replace("-", " ").strip()
        kinds = [part.replace("_", " ") for part in inside if part not in ("unique", "sprint", "vault", "other")]
        if len(name) < 3 or name.isdigit():
            continue
        group = kinds[0].rstrip("s") if kinds else _KINDS[kind]
        concept = f"{name} {group}" if kind == "item" and group not in name else name
        yield Drawing("/".join((kind, *inside, stem)), concept, "pixel", "CC0-1.0", "Dungeon Crawl Stone Soup", data,
                      (*kinds, _KINDS[kind], f"{name} {_KINDS[kind]}"))


SOURCE = Source("crawl", f"Debian source {PACKAGE}", _drawings, pixel=True)
