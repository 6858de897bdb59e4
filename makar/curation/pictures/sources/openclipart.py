"""Clip art of the Debian package openclipart-svg; each file states its own title, keywords, author and dedication."""

from __future__ import annotations

import re
import xml.etree.ElementTree as tree
from collections.abc import Iterator
from pathlib import Path

from makar.curation.pictures.clients import debian_package, members
from makar.curation.pictures.drawing import Drawing, Source

PACKAGE = "openclipart-svg"
MOST_BYTES = 400_000
FOLDERS = ("animals", "buildings", "clothing", "computer", "education", "electronics", "food", "geography", "household",
           "music", "office", "people", "plants", "recreation", "science", "shapes", "sports", "tools",
           "transportation", "weather")
_DC, _CC = "{http://purl.org/dc/elements/1.1/}", "{http://web.resource.org/cc/}"
_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
# A signature or a number is no name of what is seen.
_NO_NAME = re.compile(r"architetto|francesco|rolland|mimooh|lumen|"
                      r"^\W*$|[0-9]{3,}|^.{0,2}$|^.{41,}$|untitled|^clip", re.I)


def _drawings(folder: Path) -> Iterator[Drawing]:
    pattern = rf"^\./usr/share/openclipart/svg/({'|'.join(FOLDERS)})/.*\.svg$"
    for member, data in members(debian_package(PACKAGE, folder), pattern):
        if len(data) > MOST_BYTES or b"<!ENTITY" in data:
            continue
        found = _facts(data)
        if found is not None:
            name = member.removeprefix("./usr/share/openclipart/svg/")
            title, keywords, author = found
            inside = tuple(part.replace("_", " ") for part in Path(name).parts[:-1])
            yield Drawing(name, title, "clipart", "CC-PDDC", author, data.decode(errors="replace"),
                          tuple(dict.fromkeys((*keywords, *inside))))


def _facts(data: bytes) -> tuple[str, tuple[str, ...], str] | None:
    """Title, keywords and author of a picture that is dedicated to the public and named for what it shows."""
    try:
        root = tree.fromstring(data)
    except tree.ParseError:
        return None
    licence = root.find(f".//{_CC}license")
    if licence is None or not licence.get(f"{_RDF}resource", "").endswith("PublicDomain"):
        return None
    title = re.sub(r"[_\s]+", " ", root.findtext(f".//{_CC}Work/{_DC}title") or "").strip().lower()
    title = re.sub(r"\s*\(?\b\d{1,2}\)?$", "", title)
    if _NO_NAME.search(title):
        return None
    keywords = [(item.text or "").strip().lower() for item in root.findall(f".//{_DC}subject//{_RDF}li")]
    author = root.findtext(f".//{_DC}creator//{_DC}title") or "unknown"
    good = tuple(word for word in dict.fromkeys(keywords) if word and not _NO_NAME.search(word))
    return title, good[:12], " ".join(author.split())


SOURCE = Source("openclipart", f"Debian {PACKAGE}", _drawings)
