"""How a work leaves for a file: signed, whole or not at all, and without the signature of what lay there before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from makar.kit.errors import NotHere
from makar.kit.files import atomic_write, disk_errors
from makar.provenance.manifest import disclosed

_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Leaving:
    """How a work is written.

    sign: None as its policy says; embed: a text holds its own signature
    in_place: over the file that it was made from, whose mode and byte order mark stay
    parents: files it was made from, whose signatures go along
    """

    sign: bool | None = None
    embed: bool = False
    in_place: bool = False
    parents: Sequence[Path] = ()


def leave(data: bytes, record: Mapping[str, Any], path: Path, how: Leaving) -> None:
    """Writes `data`, a work with that manifest, to `path`, with its signature in it or in PATH.c2pa.

    Raises: OutOfRoom, BadInput, NoNetwork (no time stamp), NotHere (a parent), Damaged (the key)
    """
    from makar.provenance.credentials.sign import Signed, sidecar_path, sign

    mode = 0o644
    if how.in_place:
        mode = path.stat().st_mode & 0o7777
        data = (_BOM if path.read_bytes().startswith(_BOM) else b"") + data
    wanted = record["decision"]["policy"].get("sign", True) if how.sign is None else how.sign
    signed = Signed(data, None, "")
    if wanted and (path.is_file() or not path.exists()):  # a device or a pipe has no place beside it
        signed = sign(data, record["media_type"], disclosed(record), parents=[_parent(one) for one in how.parents],
                      embed_text=how.embed)
    beside = sidecar_path(path)
    with disk_errors(beside):
        if beside.is_file():
            beside.unlink()  # first, so that no moment shows a new work under an old signature
    atomic_write(path, signed.data, mode=mode)
    if signed.sidecar is not None:
        atomic_write(beside, signed.sidecar)


def _parent(path: Path) -> Any:
    from makar.provenance.credentials.sign import Parent, sidecar_path

    try:
        beside = sidecar_path(path)
        return Parent(path.name, path.read_bytes(), beside.read_bytes() if beside.is_file() else None)
    except OSError as error:
        raise NotHere(f"the parent '{path}' cannot be read: {error.strerror}") from error
