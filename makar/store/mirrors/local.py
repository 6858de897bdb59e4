"""This machine as a mirror: a file the user names, or one put into the store's `incoming` folder."""

from __future__ import annotations

from pathlib import Path

from makar.kit.errors import BadInput, Damaged
from makar.kit.files import CHUNK_BYTES
from makar.store.catalogue import Archive, Weights
from makar.store.partial import Partial


def candidates(weights: Weights | Archive, places: tuple[Path, ...]) -> list[Path]:
    """Files that may be those weights: a place itself, or inside it a file named by hash or by file name."""
    names = (weights.sha256, f"{weights.sha256}{Path(weights.file).suffix}", weights.file)
    found = [place for place in places if place.is_file()]
    return found + [place / name for place in places for name in names if (place / name).is_file()]


def fetch(path: Path, sha256: str, partial: Partial) -> None:
    """Copies the file into `partial`.

    Raises: Damaged (it is another file), BadInput (cannot be read), OutOfRoom
    """
    try:
        size_bytes = path.stat().st_size
        if size_bytes != partial.size_bytes:
            raise Damaged(f"has {size_bytes:,} bytes, not {partial.size_bytes:,}")
        partial.cut(0)
        with path.open("rb") as source:
            while chunk := source.read(CHUNK_BYTES):
                partial.write(chunk)
    except OSError as error:
        raise BadInput(f"cannot read '{path}': {error.strerror}") from error
    if partial.sha256 != sha256:
        got = partial.sha256
        partial.cut(0)
        raise Damaged(f"hashes to {got[:16]}…, not {sha256[:16]}…")
