"""Coloured icon sets of the npm package @iconify/json, each with the licence that its own metadata states."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from makar.curation.pictures.clients import members, npm_archive
from makar.curation.pictures.drawing import Drawing, Source
from makar.curation.pictures.emoji import Emoji, code_key, emoji_words, has_skin_tone

PACKAGE, VERSION = "@iconify/json", "2.2.535"
# Sets of logos, brands and country codes are left out, and sets that need animation to be seen whole.
STYLES = {
    "twemoji": "flat", "fluent-emoji-flat": "flat", "emojione": "flat", "fxemoji": "flat", "noto": "glossy",
    "noto-v1": "glossy", "streamline-emojis": "cartoon", "flat-color-icons": "flat", "flat-ui": "flat",
    "fluent-color": "gradient", "glyphs-poly": "polygon", "icon-park": "outline", "marketeq": "outline",
    "streamline-color": "duotone", "streamline-cyber-color": "cyber", "streamline-flex-color": "duotone",
    "streamline-freehand-color": "sketch", "streamline-kameleon-color": "badge", "streamline-plump-color": "plump",
    "streamline-sharp-color": "sharp", "streamline-stickies-color": "sticker", "streamline-ultimate-color": "outline",
}
_TONE = re.compile(r"(^|-)(light|medium-light|medium|medium-dark|dark)-skin-tone(-|$)|-tone-?[1-5]|-skin-type-")
_VARIANT = re.compile(r"(-\d+)?(-(flat|duo|remix|\d+x\d+))?(-\d+)?$")
_LOGO = re.compile(r"(^|-)logos?(-|$)")


def _drawings(folder: Path, prefix: str) -> Iterator[Drawing]:
    icons = json.loads(_set_file(folder, prefix).read_bytes())
    info, words = icons["info"], emoji_words(folder)
    codes = {name: code for code, name in _all_codes(folder).items()} | {
        name: code for code, name in icons.get("chars", {}).items()}
    categories = {name: category for category, names in icons.get("categories", {}).items() for name in names}
    run_on = {_letters(emoji.label): emoji for emoji in words.values()}
    is_emoji = info.get("category") == "Emoji"
    for name in sorted(icons["icons"]):
        code = codes.get(name, "")
        if _TONE.search(name) or has_skin_tone(code) or _LOGO.search(name) or categories.get(name) == "Logos":
            continue
        known = (words.get(code_key(code)) or run_on.get(_letters(name))) if is_emoji else None
        concept, keywords = _words(name, known, categories.get(name, ""))
        if concept:
            yield Drawing(name, concept, STYLES[prefix], str(info["license"].get("spdx", "unknown")),
                          f"{info['name']} by {info['author']['name']}", _svg(icons, name), keywords)


def _words(name: str, known: Emoji | None, category: str) -> tuple[str, tuple[str, ...]]:
    if known is not None:
        return known.label, known.keywords
    plain = _VARIANT.sub("", name).replace("-", " ").strip()
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", category).lower()
    return plain, (spaced,) if spaced and spaced != "base" else ()


def _letters(name: str) -> str:
    """The name without what stands between its words, which some sets leave out."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _svg(icons: Mapping[str, Any], name: str) -> str:
    icon = icons["icons"][name]
    left, top, width, height = (icon.get(key, icons.get(key, default)) for key, default in
                                (("left", 0), ("top", 0), ("width", 16), ("height", 16)))
    return (f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
            f'viewBox="{left} {top} {width} {height}">{icon["body"]}</svg>')


def _set_file(folder: Path, prefix: str) -> Path:
    """One set's file; the first call takes all of them out of the archive."""
    sets = folder / f"iconify-{VERSION}"
    if not (sets / "complete").exists():
        sets.mkdir(parents=True, exist_ok=True)
        wanted = "|".join(map(re.escape, STYLES))
        for member, data in members(npm_archive(PACKAGE, VERSION, folder), rf"^package/json/({wanted})\.json$"):
            (sets / Path(member).name).write_bytes(data)
        (sets / "complete").touch()
    return sets / f"{prefix}.json"


@functools.lru_cache(maxsize=1)
def _all_codes(folder: Path) -> Mapping[str, str]:
    """Code points to names, of the sets that tell: other sets use the same names."""
    found: dict[str, str] = {}
    for prefix in ("noto", "fluent-emoji-flat", "twemoji"):
        found |= json.loads(_set_file(folder, prefix).read_bytes()).get("chars", {})
    return found


SOURCES = tuple(Source(prefix, f"npm {PACKAGE} {VERSION}", functools.partial(_drawings, prefix=prefix))
                for prefix in STYLES)
