"""A folder of pictures of your own; what each shows is said beside it or by its name."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from makar.curation.pictures.drawing import Drawing, Source
from makar.kit.errors import BadInput, NotHere
from makar.kit.files import read_text

SUFFIXES = (".png", ".webp", ".jpg", ".jpeg", ".gif", ".bmp", ".svg")
CAPTIONS = "captions.jsonl"
_COUNTED = re.compile(r"[ _-]*\(?\d+\)?$")


def folder_source(folder: Path, licence: str) -> Source:
    """The pictures under a folder. A caption is `NAME.txt` beside `NAME.png`, a line {"file", "caption"} of
    `captions.jsonl`, or else the file's name; the folders a picture lies in are its style and its keywords.

    Raises: NotHere, BadInput (no pictures)
    """
    if not folder.is_dir():
        raise NotHere(f"there is no folder '{folder}'")
    if not any(path.suffix.lower() in SUFFIXES for path in folder.rglob("*")):
        raise BadInput(f"'{folder}' holds no pictures ({', '.join(SUFFIXES)})")
    return Source("own", str(folder), functools.partial(_drawings, folder=folder, licence=licence))


def _drawings(_: Path, folder: Path, licence: str) -> Iterator[Drawing]:
    captions = _captions(folder)
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() not in SUFFIXES or not path.is_file():
            continue
        name = path.relative_to(folder).as_posix()
        beside = path.with_suffix(".txt")
        told = read_text(beside) if beside.is_file() else captions.get(name, _COUNTED.sub("", path.stem))
        concept = " ".join(re.sub(r"[_\-]+", " ", told).split())
        inside = Path(name).parent.parts
        yield Drawing(name, concept or path.stem, inside[0].lower() if inside else "own", licence, folder.name,
                      path.read_text(errors="replace") if path.suffix.lower() == ".svg" else path.read_bytes(),
                      tuple(part.lower() for part in inside))


def _captions(folder: Path) -> Mapping[str, str]:
    path = folder / CAPTIONS
    if not path.is_file():
        return {}
    found = {}
    for number, line in enumerate(read_text(path).splitlines(), 1):
        try:
            row = json.loads(line)
            file, caption = str(row["file"]), str(row["caption"])
        except (ValueError, KeyError, TypeError) as error:
            raise BadInput(f"'{path}' line {number}: expected {{\"file\": ..., \"caption\": ...}}") from error
        if not (folder / file).is_file():
            raise BadInput(f"'{path}' line {number} names '{file}', which is not in the folder")
        found[file] = caption
    return found
