"""Three-dimensional emoji of the npm package @lobehub/fluent-emoji-3d, named by their code points (MIT)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from makar.curation.pictures.clients import members, npm_archive
from makar.curation.pictures.drawing import Drawing, Source
from makar.curation.pictures.emoji import code_key, emoji_words, has_skin_tone

PACKAGE, VERSION = "@lobehub/fluent-emoji-3d", "1.1.0"


def _drawings(folder: Path) -> Iterator[Drawing]:
    words = emoji_words(folder)
    for member, data in members(npm_archive(PACKAGE, VERSION, folder), r"^package/assets/.*\.webp$"):
        codes = Path(member).stem
        known = words.get(code_key(codes))
        if known is not None and not has_skin_tone(codes):
            yield Drawing(codes, known.label, "3d", "MIT", "Fluent Emoji by Microsoft Corporation", data,
                          known.keywords)


SOURCE = Source("fluent-emoji-3d", f"npm {PACKAGE} {VERSION}", _drawings)
