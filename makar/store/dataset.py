"""Data sets of the hub as folders: file by file, each against the hash that the hub lists for it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from makar.kit.errors import BadInput, NoNetwork
from makar.kit.files import atomic_write, disk_errors
from makar.store import layout
from makar.store.catalogue import Archive
from makar.store.fetch import expect_room, fetch, offline, say, whole
from makar.store.mirrors import hub_repo
from makar.store.mirrors.hub_repo import Entry

PREFIX = "hub:"


@dataclass(frozen=True)
class Dataset:
    """A data set at one commit. `licence`: as its card states it."""

    folder: Path
    commit: str
    licence: str


def dataset(name: str, wanted: Callable[[Path], bool]) -> Dataset:
    """The files of `org/name`, `org/name@revision` or `org/name:file` that are wanted, in a folder of the store.

    Raises: BadInput, NoNetwork, NotHere, Damaged, OutOfRoom
    """
    asked = hub_repo.parse_id(name.removeprefix(PREFIX))
    if asked is None:
        raise BadInput(f"'{name}' names no data set; expected {PREFIX}ORG/NAME, with @REVISION or :FILE where needed")
    if offline():
        raise NoNetwork(f"MAKAR_OFFLINE keeps Makar off the network; fetch {asked.repo} on a connected machine and "
                        "curate its folder")
    repo = hub_repo.describe(asked, "datasets")
    entries = [entry for entry in repo.entries if _safe(entry) and wanted(Path(entry.name))
               and asked.file in ("", entry.name)]
    if not entries:
        raise BadInput(f"{asked.repo} holds no file that can be read here; it has "
                       f"{', '.join(entry.name for entry in repo.entries[:8]) or 'none'}")
    folder = layout.root().parent / "datasets" / f"{repo.name.replace('/', '--')}-{repo.commit[:12]}"
    expect_room(sum(entry.size_bytes for entry in entries), f"fetching {asked.repo}")
    say(f"fetching {len(entries):,} files of {asked.repo} at {repo.commit[:12]}")
    for entry in entries:
        if not whole(folder / entry.name, entry.size_bytes):
            _place(entry, repo.licence, folder / entry.name)
    return Dataset(folder, repo.commit, repo.licence)


def _safe(entry: Entry) -> bool:
    """Whether the file stays in the folder and is not hidden, whatever the hub calls it."""
    return not any(part.startswith(".") for part in PurePosixPath(entry.name).parts) and entry.name[:1] != "/"


def _place(entry: Entry, licence: str, target: Path) -> None:
    if not entry.sha256:
        atomic_write(target, hub_repo.small_file(entry))
        return
    raw = fetch(Archive(entry.name, entry.name, entry.sha256, entry.size_bytes, licence, "", (entry.file,)), show=True)
    with disk_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(raw, target)
        except OSError:
            shutil.copyfile(raw, target)
