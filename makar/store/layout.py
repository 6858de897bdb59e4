"""Where in the store each thing lies. Nothing here touches the disk."""

from __future__ import annotations

from pathlib import Path

from makar.kit.home import home


def root() -> Path:
    """The store's folder."""
    return home() / "store"


def incoming() -> Path:
    """The folder into which a user may put a file fetched elsewhere."""
    return root() / "incoming"


def raw_file(sha256: str, file: str) -> Path:
    """A source file, whole and verified, under its hash."""
    return root() / "raw" / f"{sha256}{Path(file).suffix}"


def part_file(sha256: str) -> Path:
    """The same file while it is still coming."""
    return root() / "partial" / f"{sha256}.part"


def lock_file(key: str) -> Path:
    """The lock for one hash or one model name."""
    return root() / "locks" / f"{key}.lock"


def models() -> Path:
    """The folder of the converted models."""
    return root() / "models"


def model_folder(name: str) -> Path:
    """The native form of one model."""
    return models() / name


def stored_path(path: Path) -> str:
    """A path as it is written down: relative where it lies in the store, so that the store can be moved."""
    return str(path.relative_to(root())) if path.is_relative_to(root()) else str(path.absolute())
