"""Under which licence a document may be used: its own words first, then its neighbours', then the user's."""

from __future__ import annotations

import csv
import functools
import json
import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from makar.curation import spdx
from makar.curation.readers import is_licence
from makar.curation.record import UNKNOWN, Record
from makar.curation.source import Drop, SourceFile

MOST_METADATA_BYTES = 1_000_000


@dataclass(frozen=True)
class LicenceConfig:
    """`stated`: the licence that you state for what names none. `accept`: drop what cannot be used under one of these
    (empty: keep all).
    """

    stated: str = ""
    accept: tuple[str, ...] = ()


def licence(records: Iterable[Record], config: LicenceConfig, file: SourceFile, drop: Drop) -> Iterator[Record]:
    """Finds each record's licence; what is not found is marked "unknown"."""
    allowed = frozenset(config.accept)
    for record in records:
        found, how = _found(record, config, file)
        known = replace(record, licence=found, lineage=(*record.lineage, f"licence:{how}"))
        if allowed and not spdx.accepted(found, allowed):
            drop(known, "licence", f"'{found}' is not among those accepted: {', '.join(config.accept)}")
        else:
            yield known


def _found(record: Record, config: LicenceConfig, file: SourceFile) -> tuple[str, str]:
    """(licence, where it was found)"""
    if record.licence != UNKNOWN:
        return record.licence, "field"
    found = spdx.header_of(record.content)
    if found != UNKNOWN and "#" not in record.source.removeprefix(file.name):
        return found, "header"
    found, how = of_folder(file.path.parent, file.root, file.path.name)
    if found != UNKNOWN:
        return found, how
    return (spdx.named(config.stated), "stated") if config.stated else (UNKNOWN, UNKNOWN)


def of_folder(folder: Path, root: Path, child: str) -> tuple[str, str]:
    """The licence that holds in a folder, and the file that says so; looked for upwards until `root`. Above it only
    the metadata of the installed package that `root` is counts.

    child: what in the folder is asked about; where packages are installed side by side each has its own
    """
    while True:
        for found, how in (_installed(folder).get(child, (UNKNOWN, "")), _stated_in(folder)):
            if found != UNKNOWN:
                return found, how
        if folder in (root, folder.parent) or root not in folder.parents:
            # The source may itself be an installed package, whose metadata lies beside it.
            return _installed(folder.parent).get(folder.name, (UNKNOWN, UNKNOWN))
        folder, child = folder.parent, folder.name


@functools.lru_cache(maxsize=4096)
def _stated_in(folder: Path) -> tuple[str, str]:
    """By the licence files of the folder itself, else by the metadata of a package that has its root there."""
    try:
        names = sorted(path.name for path in folder.iterdir())
    except OSError:
        return UNKNOWN, UNKNOWN
    for name in names:
        if is_licence(folder / name):
            found = spdx.of_text(_text(folder / name))
            if found != UNKNOWN:
                return found, name
    for name, reader in _METADATA.items():
        if name in names:
            found = reader(_text(folder / name))
            if found != UNKNOWN:
                return found, name
    return UNKNOWN, UNKNOWN


def _text(path: Path) -> str:
    try:
        with path.open("rb") as handle:
            return handle.read(MOST_METADATA_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""


def _of_package_json(text: str) -> str:
    try:
        data = json.loads(text)
    except ValueError:
        return UNKNOWN
    stated = data.get("license") if isinstance(data, dict) else None
    if isinstance(stated, dict):
        stated = stated.get("type")
    return spdx.named(stated) if isinstance(stated, str) else UNKNOWN


def _of_toml(text: str) -> str:
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return UNKNOWN
    for table in (data.get("project"), data.get("package"), _inside(data, "tool", "poetry")):
        stated = table.get("license") if isinstance(table, dict) else None
        if isinstance(stated, dict):
            stated = stated.get("text")
        if isinstance(stated, str):
            found = spdx.named(stated)
            return found if found != UNKNOWN else spdx.of_text(stated)
    return UNKNOWN


def _inside(data: Any, *keys: str) -> Any:
    for key in keys:
        data = data.get(key) if isinstance(data, dict) else None
    return data


def of_core_metadata(text: str) -> str:
    """The licence of a Python distribution's METADATA or PKG-INFO."""
    head = text.split("\n\n", 1)[0]
    fields = re.findall(r"^(License-Expression|License|Classifier):[ \t]*(.+)$", head, re.MULTILINE)
    stated = [value for key in ("License-Expression", "License") for name, value in fields if name == key]
    stated += [value.rsplit("::", 1)[-1] for name, value in fields if name == "Classifier" and
               value.startswith("License ::")]
    return next((found for value in stated if (found := spdx.named(value)) != UNKNOWN), UNKNOWN)


_METADATA = {"pyproject.toml": _of_toml, "package.json": _of_package_json, "Cargo.toml": _of_toml,
             "PKG-INFO": of_core_metadata}


@functools.lru_cache(maxsize=64)
def _installed(folder: Path) -> dict[str, tuple[str, str]]:
    """What lies in a folder of installed Python distributions: file or folder -> (licence, where it is said)."""
    found: dict[str, tuple[str, str]] = {}
    for info in sorted(folder.glob("*.dist-info")):
        said = of_core_metadata(_text(info / "METADATA"))
        how = f"{info.name}/METADATA"
        if said == UNKNOWN:
            for path in sorted(info.rglob("*")):
                if path.is_file() and is_licence(path) and said == UNKNOWN:
                    said, how = spdx.of_text(_text(path)), f"{info.name}/{path.relative_to(info)}"
        for row in csv.reader(_text(info / "RECORD").splitlines()):
            top = row[0].split("/")[0] if row else ""
            if top and top != "..":
                found.setdefault(top, (said, how))
    return found
