"""Hashes of a converted model, written beside it, so that a changed or missing byte is found.

A derived file is made from the others and can be made again: one that was changed is removed, and that is no damage.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from makar.kit.errors import Damaged
from makar.kit.files import atomic_write, sha256_file

HASHES = "hashes.json"


@dataclass(frozen=True)
class Finding:
    """What looking at one file showed."""

    what: str
    ok: bool
    detail: str


def write_hashes(folder: Path) -> None:
    """Hashes every file of a folder that has just been made."""
    files = {path.relative_to(folder).as_posix(): _record(path, sha256_file(path)) for path in sorted(folder.rglob("*"))
             if path.is_file() and path.name != HASHES}
    _write(folder, files)


def add_derived(path: Path) -> None:
    """Hashes a file that was made from those of its folder. The caller holds the model's lock."""
    entry = {**_record(path, sha256_file(path)), "derived": True}
    _write(path.parent, {**_hashes(path.parent), path.name: entry})


def is_as_made(path: Path) -> bool:
    """Whether a derived file is there and has the size and time that it was made or last looked at with.

    Raises: Damaged (the list of hashes cannot be read)
    """
    entry = _hashes(path.parent).get(path.name)
    return entry is not None and path.is_file() and _unchanged(path, entry)


def check(folder: Path, on_bytes: Callable[[int], None] | None = None) -> list[Finding]:
    """Reads every file again; a derived one that was changed is removed.

    Raises: Damaged (the list of hashes itself cannot be read)
    """
    known = _hashes(folder)
    found = [_check_file(folder / name, entry, on_bytes) for name, entry in known.items()]
    return [_without_derived(folder, one) if not one.ok and known[one.what].get("derived") else one for one in found]


def _without_derived(folder: Path, finding: Finding) -> Finding:
    (folder / finding.what).unlink(missing_ok=True)
    _write(folder, {name: entry for name, entry in _hashes(folder).items() if name != finding.what})
    return Finding(finding.what, True, f"{finding.detail}; removed, and made again when it is next used")


def check_quickly(folder: Path) -> None:
    """Compares sizes and times with those of the last full look, and reads only files that changed in either.

    Raises: Damaged
    """
    known, fresh = _hashes(folder), {}
    for name, entry in known.items():
        path = folder / name
        if path.is_file() and _unchanged(path, entry):
            continue
        found = _check_file(path, entry, None)
        if found.ok:
            fresh[name] = {**entry, **_record(path, entry["sha256"])}
        elif entry.get("derived"):
            _without_derived(folder, found)
        else:
            raise Damaged(f"'{path}' {found.detail}; nothing of it was used. {mend(folder.name)}")
    if fresh:
        _write(folder, {**_hashes(folder), **fresh})


def mend(name: str) -> str:
    """What to type when a stored model is damaged."""
    return f"Run: makar models remove {name} ; then pull or add it again"


def _unchanged(path: Path, entry: Mapping[str, Any]) -> bool:
    stat = path.stat()
    return (stat.st_size, stat.st_mtime_ns) == (entry["bytes"], entry.get("mtime_ns"))


def _write(folder: Path, files: Mapping[str, Any]) -> None:
    atomic_write(folder / HASHES, json.dumps({"files": files}, indent=1))


def _record(path: Path, sha256: str) -> dict[str, Any]:
    stat = path.stat()
    return {"sha256": sha256, "bytes": stat.st_size, "mtime_ns": stat.st_mtime_ns}


def _hashes(folder: Path) -> Mapping[str, Any]:
    try:
        files = json.loads((folder / HASHES).read_bytes())["files"]
        if not all(isinstance(entry["sha256"], str) and isinstance(entry["bytes"], int) for entry in files.values()):
            raise ValueError("entries of another form")
        return dict(files)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Damaged(f"'{folder / HASHES}' cannot be read ({error}). {mend(folder.name)}") from error


def _check_file(path: Path, known: Mapping[str, Any], on_bytes: Callable[[int], None] | None) -> Finding:
    if not path.is_file():
        return Finding(path.name, False, "is missing")
    size_bytes = path.stat().st_size
    if size_bytes != known["bytes"]:
        return Finding(path.name, False, f"has {size_bytes:,} bytes, expected {known['bytes']:,}")
    sha256 = sha256_file(path, on_bytes=on_bytes)
    if sha256 != known["sha256"]:
        return Finding(path.name, False, f"was changed: hashes to {sha256[:16]}…, expected {known['sha256'][:16]}…")
    return Finding(path.name, True, f"{size_bytes:,} bytes, sha256 {sha256[:16]}…")
