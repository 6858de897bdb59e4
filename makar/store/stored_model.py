"""A model in its native form on this machine, and how one comes to be."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from makar.kit.config import facts_in, to_json
from makar.kit.errors import Damaged
from makar.kit.files import disk_errors
from makar.store import layout, proof


@dataclass(frozen=True)
class StoredModel:
    """What generation needs to know of a model: where it lies, what it is, where it came from."""

    name: str
    folder: Path
    sha256: str
    source: str
    licence: str
    training_data: str
    architecture: dict[str, Any]
    bytes: int


@dataclass(frozen=True)
class Origin:
    """Where weights came from.

    raw:   the source file or folder, relative to the store where it is the store's own
    files: the names of the source's weight files and their sha256
    """

    name: str
    sha256: str
    source: str
    licence: str
    training_data: str
    bytes: int
    raw: str
    files: Mapping[str, str]

    @property
    def path(self) -> Path:
        """The source on this machine."""
        return layout.root() / self.raw  # an absolute `raw` stays what it is

    @property
    def sources(self) -> dict[Path, str]:
        """The source's weight files and their sha256."""
        folder = self.path if self.path.is_dir() else self.path.parent
        return {folder / name: sha256 for name, sha256 in self.files.items()}

    @property
    def ours(self) -> bool:
        """Whether the store made that file, and so may delete it."""
        return not Path(self.raw).is_absolute()


def is_ready(name: str) -> bool:
    """Whether the native form is there (it appears whole or not at all)."""
    return (layout.model_folder(name) / "model.json").is_file()


def is_current(name: str) -> bool:
    """Whether a model that is ready has the form that this version of Makar reads.

    Raises: Damaged
    """
    from makar.store.native import FORMAT

    return _read(name).get("format") == FORMAT


def _read(name: str) -> dict[str, Any]:
    path = layout.model_folder(name) / "model.json"
    try:
        return dict(facts_in(path.read_text("utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise Damaged(f"'{path}' cannot be read ({error!r}). {proof.mend(name)}") from error


def read_model(name: str) -> tuple[StoredModel, Origin]:
    """A model that is ready.

    Raises: Damaged
    """
    folder, data = layout.model_folder(name), _read(name)
    try:
        origin = Origin(**data["origin"])
        licence = origin.licence or str(data.get("licence") or "not stated")
        return StoredModel(name, folder, origin.sha256, origin.source, licence, origin.training_data,
                           dict(data["architecture"]), origin.bytes), origin
    except (ValueError, KeyError, TypeError) as error:
        raise Damaged(f"'{folder / 'model.json'}' cannot be read ({error!r}). {proof.mend(name)}") from error


def make(origin: Origin) -> None:
    """Converts the source into the native form, hashes it, and only then gives it its name. The caller holds the lock.

    Raises: BadInput, Damaged, OutOfRoom
    """
    from makar.store.convert import convert

    final = layout.model_folder(origin.name)
    making, older = final.with_name(f".{origin.name}.making"), final.with_name(f".{origin.name}.older")
    for left in (making, older):
        shutil.rmtree(left, ignore_errors=True)
    try:
        convert(origin.path, making, origin=to_json(origin))
        proof.write_hashes(making)
        with disk_errors(final):
            if final.exists():
                final.rename(older)
            making.rename(final)
    finally:
        for left in (making, older):
            shutil.rmtree(left, ignore_errors=True)
