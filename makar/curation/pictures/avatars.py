"""Avatars of 16 pixels with all of their attributes, drawn by DiceBear's style Pixel Art (CC0) from seeds of ours.

The attributes are those that the generator says it has used. Glasses, hats, beards and earrings are drawn more often
than it would by itself, so that there is enough to learn each from.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from makar.codecs.attributed import Attributed, Facts, open_attributed, write_attributed
from makar.curation.pictures.clients import npm_folder, run_node
from makar.curation.pictures.render import render
from makar.curation.pictures.sources.dicebear import VERSION
from makar.kit.errors import Damaged
from makar.kit.progress import Progress

FILE = "avatars.safetensors"
SIZE_PX = 16
NONE = "none"
PARTS = ("hair", "eyes", "mouth", "clothing", "glasses", "beard", "hat", "accessories")
COLOURS = ("skin", "hair", "eyes", "mouth", "clothing", "glasses", "hat", "accessories")
_HAPPY, _SAD = "happy", "sad"
_HAIR_COLOURS = {"blond": "cab188", "blonde": "cab188", "light brown": "a78961", "brown": "83623b 603a14 603015",
                 "dark brown": "603a14 603015", "auburn": "611c17 612616", "black": "28150a", "dark": "28150a 603015",
                 "blue": "009bbd", "red": "bd1700", "ginger": "bd1700", "green": "91cb15"}
_SKIN_COLOURS = {"dark": "8d5524 a26d3d", "brown": "8d5524 a26d3d", "tan": "b68655 cb9e6e", "medium": "b68655 cb9e6e",
                 "light": "e0b687 eac393 f5cfa0 ffdbac", "pale": "f5cfa0 ffdbac"}
_CLOTHES_COLOURS = {"blue": "5bc0de 428bca 03396c", "light blue": "5bc0de", "navy": "03396c", "dark blue": "03396c",
                    "green": "88d8b0 44c585 00b159", "red": "d11141 ae0001", "pink": "ff6f69",
                    "yellow": "ffd969 ffc425", "cream": "ffeead"}
_HAT_COLOURS = {"brown": "2e1e05", "black": "2e1e05", "blue": "2663a3", "grey": "989789", "gray": "989789",
                "green": "3d8a6b", "pink": "cc6192", "purple": "614f8a", "red": "a62116"}
_GLASSES_COLOURS = {"black": "191919 323232", "grey": "4b4b4b", "gray": "4b4b4b", "blue": "43677d", "green": "5f705c",
                    "red": "a04b5d"}
_METALS = {"gold": "daa520 ffd700", "golden": "daa520 ffd700", "silver": "d3d3d3 a9a9a9"}
_EYE_COLOURS = {"grey": "76778b", "gray": "76778b", "blue": "697b94 647b90 5b7c8b", "green": "588387",
                "brown": "876658"}
_LIP_COLOURS = {"red": "de0f0d", "pink": "e35d6a"}
_OFTEN = {"glassesProbability": 30, "hatProbability": 20, "beardProbability": 20, "accessoriesProbability": 25}
_SCRIPT = """
import { createAvatar } from '@dicebear/core';
import { pixelArt } from '@dicebear/collection';
for (let seed = 0; seed < %d; seed++) {
  const { svg, extra } = createAvatar(pixelArt, { seed: `makar-avatar-${seed}`, ...%s }).toJson();
  console.log(JSON.stringify({ svg, extra, licence: pixelArt.meta.license.name }));
}
"""


def avatars(folder: Path, num: int) -> Attributed:
    """That many avatars, drawn once into the folder.

    Raises: NotHere (npm, node), NoNetwork, Damaged
    """
    path = folder / FILE
    if path.is_file():
        return open_attributed(path)
    folder.mkdir(parents=True, exist_ok=True)
    place = npm_folder((f"@dicebear/core@{VERSION}", f"@dicebear/collection@{VERSION}"), folder)
    lines = run_node(_SCRIPT % (num, json.dumps(_OFTEN)), place).splitlines()
    pixels, rows = np.empty((num, SIZE_PX, SIZE_PX, 4), np.uint8), []
    with Progress("drawing avatars", num) as progress:
        for index, line in enumerate(lines):
            drawn = json.loads(line)
            if drawn["licence"] != "CC0 1.0":
                raise Damaged(f"the style Pixel Art was CC0 1.0 and is now under {drawn['licence']}: it is left out")
            pixels[index] = render(drawn["svg"], SIZE_PX)
            rows.append(_attributes(drawn["extra"]))
            progress.advance(1)
    facts = Facts(f"npm @dicebear/collection {VERSION}", "CC0-1.0", "Pixel Art by DiceBear", words(rows))
    return write_attributed(path, pixels, rows, facts)


def _attributes(extra: Mapping[str, str]) -> dict[str, str]:
    """The parts that are drawn and the colours of these; what is not drawn is `none`, and so is its colour."""
    kinds = {part: extra.get(part, NONE) for part in PARTS}
    colours = {f"{part} colour": NONE if kinds.get(part) == NONE else extra[f"{part}Color"] for part in COLOURS}
    return kinds | colours


def words(rows: Sequence[Mapping[str, str]]) -> dict[str, dict[str, dict[str, tuple[str, ...]]]]:
    """What can be asked for in words, and which values of the generator that means; the colours have no names there."""
    kinds = {part: sorted({row[part] for row in rows}) for part in PARTS}

    def of(part: str, start: str) -> tuple[str, ...]:
        return tuple(kind for kind in kinds[part] if kind.startswith(start) and kind != NONE)

    def coloured(part: str, table: Mapping[str, str]) -> dict[str, dict[str, tuple[str, ...]]]:
        return {name: {f"{part} colour": tuple(f"#{code}" for code in codes.split())} for name, codes in table.items()}

    def worn(part: str, table: Mapping[str, str]) -> dict[str, dict[str, tuple[str, ...]]]:
        return {"": {part: of(part, "")}, "no": {part: (NONE,)}, **coloured(part, table)}

    happy, sad = {"mouth": of("mouth", _HAPPY)}, {"mouth": of("mouth", _SAD)}
    hair = {"long": {"hair": of("hair", "long")}, "short": {"hair": of("hair", "short")}}
    glasses, mouth = worn("glasses", _GLASSES_COLOURS), coloured("mouth", _LIP_COLOURS)
    nouns = {"hair": {"": {}, **hair, **coloured("hair", _HAIR_COLOURS)}, "skin": coloured("skin", _SKIN_COLOURS),
             "eyes": coloured("eyes", _EYE_COLOURS), "mouth": mouth, "lips": mouth,
             "lipstick": {"": mouth["red"], **mouth}, "smile": {"": happy}, "frown": {"": sad},
             "beard": worn("beard", {}), "glasses": glasses, "spectacles": glasses,
             "sunglasses": {**glasses, "": {"glasses": of("glasses", "dark")}},
             "earrings": worn("accessories", _METALS)}
    nouns |= {noun: worn("hat", _HAT_COLOURS) for noun in ("hat", "cap")}
    clothes = {"": {}, **coloured("clothing", _CLOTHES_COLOURS)}
    nouns |= dict.fromkeys(("clothes", "clothing", "shirt", "top"), clothes)
    nouns |= {noun: {"": {}} for noun in ("avatar", "face", "head", "portrait", "person", "character")}
    alone = {"happy": happy, "smiling": happy, "sad": sad, "bearded": nouns["beard"][""], "pixel": {},
             **{name: nouns["hair"][name] for name in ("blond", "blonde")}, "redhead": nouns["hair"]["red"],
             **{f"{name}-haired": meant for name, meant in nouns["hair"].items() if name and " " not in name},
             **{f"{name}-skinned": meant for name, meant in nouns["skin"].items()}}
    return {"": alone, **{noun: {**({"": {}} if "" not in meant else {}), **meant} for noun, meant in nouns.items()}}
