"""Names and keywords of emoji by their code points, from two open lists."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from makar.curation.pictures.clients import members, npm_archive

SKIN_TONES = ("1F3FB", "1F3FC", "1F3FD", "1F3FE", "1F3FF")


@dataclass(frozen=True)
class Emoji:
    """What an emoji shows, and the words people look for it by."""

    label: str
    keywords: tuple[str, ...]


def emoji_words(folder: Path) -> Mapping[str, Emoji]:
    """Every emoji without skin tone by its `code_key`.

    Raises: NotHere, NoNetwork, Damaged
    """
    listed = json.loads(_file(npm_archive("emojibase-data", "17.0.0", folder), "package/en/data.json"))
    found = json.loads(_file(npm_archive("emojilib", "4.0.3", folder), "package/dist/emoji-en-US.json"))
    more = {code_key("-".join(f"{ord(char):X}" for char in emoji)): words for emoji, words in found.items()}
    words: dict[str, Emoji] = {}
    for item in listed:
        key = code_key(item["hexcode"])
        keywords = [*item.get("tags", ()), *(word.replace("_", " ") for word in more.get(key, ()))]
        words[key] = Emoji(item["label"].lower(), tuple(dict.fromkeys(keywords)))
    return words


def code_key(codes: str) -> str:
    """Code points in hex, joined by `-`, without the sign that asks for colour: the same emoji has one key."""
    return "-".join(code for code in codes.upper().split("-") if code != "FE0F")


def has_skin_tone(codes: str) -> bool:
    """Whether the code points include a skin tone."""
    return any(code in SKIN_TONES for code in codes.upper().split("-"))


def _file(archive: Path, name: str) -> bytes:
    return next(data for _, data in members(archive, f"^{name}$"))
