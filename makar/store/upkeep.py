"""Looking after what is stored: every byte read again, and what is no longer wanted removed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from makar.kit.errors import Damaged, NotHere
from makar.kit.files import disk_errors, sha256_file
from makar.kit.lock import held
from makar.store import layout, proof
from makar.store.catalogue import CATALOGUE
from makar.store.fetch import bar, say
from makar.store.proof import Finding
from makar.store.shelf import added_names, expect_known, raw_of, size_on_disk
from makar.store.shipped import SHIPPED
from makar.store.stored_model import Origin, is_ready, read_model


@dataclass(frozen=True)
class Report:
    """What verifying a model showed, file by file."""

    name: str
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether every file is as it should be."""
        return all(finding.ok for finding in self.findings)


def verify(name: str, progress: bool = True) -> Report:
    """Reads the source and the converted files again and compares every hash.

    Raises: UnknownName, NotHere (nothing of it is on this machine)
    """
    expect_known(name)
    folder = layout.model_folder(name)
    ready = is_ready(name)
    try:
        sources = _sources(name)
        if not ready and not sources:
            raise NotHere(f"nothing of {name} is on this machine; run: makar models pull {name}")
        total_bytes = size_on_disk(folder) + sum(size_on_disk(path) for path in sources)
        with bar(f"verifying {name}", total_bytes, progress) as on_bytes:
            findings = [_source_finding(path, sha256, on_bytes) for path, sha256 in sources.items()]
            findings += proof.check(folder, on_bytes) if ready else []
    except Damaged as error:
        findings = [Finding("model.json or hashes.json", False, str(error))]
    return Report(name, tuple(findings))


def _sources(name: str) -> dict[Path, str]:
    if name in CATALOGUE:  # the catalogue's word, not the folder's
        weights = CATALOGUE[name]
        raw = raw_of(weights)
        return {raw: weights.sha256} if raw.exists() else {}
    origin = SHIPPED[name].origin() if name in SHIPPED else read_model(name)[1]
    return origin.sources


def _source_finding(path: Path, sha256: str, on_bytes: Callable[[int], None]) -> Finding:
    if not path.is_file():
        return Finding(f"source {path.name}", True, f"is no longer at '{path.parent}'; not looked at")
    got = sha256_file(path, on_bytes=on_bytes)
    if got != sha256:
        return Finding(f"source {path.name}", False, f"was changed: hashes to {got[:16]}…, expected {sha256[:16]}…")
    return Finding(f"source {path.name}", True, f"{path.stat().st_size:,} bytes, sha256 {sha256[:16]}…")


def remove(name: str) -> int:
    """Deletes the converted model, and its source where the store owns that and no other model uses it.

    Returns the bytes freed.
    Raises: UnknownName, NotHere (nothing of it is on this machine)
    """
    expect_known(name)
    folder = layout.model_folder(name)
    with held(layout.lock_file(name), lambda: say(f"another process is preparing {name}; waiting")):
        doomed = [path for path in (folder, *_own_sources(name)) if path.exists()]
        freed_bytes = sum(size_on_disk(path) for path in doomed)
        if not doomed:
            raise NotHere(f"nothing of {name} is on this machine, so there is nothing to remove")
        for path in doomed:
            _delete(path)
    return freed_bytes


def _own_sources(name: str) -> list[Path]:
    if name in CATALOGUE:
        weights = CATALOGUE[name]
        mine = [raw_of(weights), layout.part_file(weights.sha256)]
    else:
        origin = _origin(name)
        mine = [origin.path] if origin is not None and origin.ours else []
    return [path for path in mine if not _used_by_another(path, name)]


def _used_by_another(path: Path, name: str) -> bool:
    known = {raw_of(weights) for other, weights in CATALOGUE.items() if other != name and is_ready(other)}
    others = (_origin(other) for other in added_names() if other != name)
    return path in known or any(origin is not None and origin.path == path for origin in others)


def _origin(name: str) -> Origin | None:
    try:
        return read_model(name)[1]
    except Damaged:
        return None


def _delete(path: Path) -> None:
    with disk_errors(path):
        if path.is_dir():
            going = path.with_name(f".{path.name}.going")  # gone under its name at once, whatever happens next
            shutil.rmtree(going, ignore_errors=True)
            path.rename(going)
            shutil.rmtree(going)
        else:
            path.unlink()
