"""Avatars with exact attributes, drawn by the npm packages @dicebear from seeds of ours."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from makar.curation.pictures.captions import named
from makar.curation.pictures.clients import npm_folder, run_node
from makar.curation.pictures.drawing import Drawing, Source

VERSION = "9.4.3"
NUM_EACH = 240
STYLES = ("lorelei", "notionists", "openPeeps", "pixelArt", "thumbs", "bigSmile", "micah", "personas", "dylan",
          "toonHead", "funEmoji")
_LICENCES = {"CC0 1.0": "CC0-1.0", "CC BY 4.0": "CC-BY-4.0", "MIT": "MIT"}
_SCRIPT = """
import { createAvatar } from '@dicebear/core';
import * as collection from '@dicebear/collection';
const style = collection[%s];
for (let seed = 0; seed < %d; seed++) {
  const { svg, extra } = createAvatar(style, { seed: `makar-${seed}` }).toJson();
  console.log(JSON.stringify({ seed, svg, extra, meta: style.meta }));
}
"""
_PARTS = ("hair", "head", "top", "face", "mood", "mouth", "eyes", "glasses", "beard", "facialHair", "hat", "mask",
          "accessories", "earrings", "clothing", "clothes", "body")
_COLOURS = {"hairColor": "hair", "shapeColor": "", "clothingColor": "clothes"}


def _drawings(folder: Path, style: str) -> Iterator[Drawing]:
    place = npm_folder((f"@dicebear/core@{VERSION}", f"@dicebear/collection@{VERSION}"), folder)
    for line in run_node(_SCRIPT % (json.dumps(style), NUM_EACH), place).splitlines():
        made = json.loads(line)
        meta = made["meta"]
        told = tuple(_attributes(made["extra"]))
        concept = "avatar" if style not in ("thumbs", "funEmoji") else "smiley avatar"
        yield Drawing(f"{made['seed']:04}", f"{concept} with {', '.join(told[:3])}" if told else concept, "avatar",
                      _LICENCES.get(meta["license"]["name"].rstrip("."), "unknown"),
                      f"{meta['title']} by {meta['creator']}", made["svg"], (*told, concept, "face", "person"))


def _attributes(extra: Mapping[str, Any]) -> Iterator[str]:
    """The attributes that words can say: a part and its kind, a part and its colour."""
    for part in _PARTS:
        kind = extra.get(part)
        if isinstance(kind, str) and not re.match(r"variant|default|base|standard|style", kind):
            spaced = re.sub(r"(?<=[a-z])(?=[A-Z])|\d+|[-_]", " ", kind).lower().split()
            noun = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", part).lower()
            if spaced != [noun]:
                yield " ".join(spaced if noun in (*spaced, "mood", "top", "head") else [*spaced, noun])
    for key, noun in _COLOURS.items():
        if re.fullmatch(r"#[0-9a-f]{6}", str(extra.get(key))):
            yield f"{named(str(extra[key]))} {noun}".strip()


SOURCES = tuple(Source(f"dicebear-{style.lower()}", f"npm @dicebear/collection {VERSION}",
                       functools.partial(_drawings, style=style)) for style in STYLES)
