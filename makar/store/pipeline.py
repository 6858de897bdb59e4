"""A picture pipeline in the folder form of the diffusers library: its safetensors weights and its settings are taken
in, anything else in the folder, pickles and programs above all, is left where it is.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from makar.kit.errors import BadInput, Damaged
from makar.kit.files import atomic_write, disk_errors, read_text, sha256_bytes, sha256_file, whole_folder
from makar.store.stored_model import Origin

INDEX, FAMILY = "model_index.json", "diffusers"
KEPT = (".safetensors", ".json", ".txt", ".model")


def is_pipeline(path: Path) -> bool:
    """Whether the folder holds one."""
    return (path / INDEX).is_file()


def needed(index: bytes, names: Collection[str], where: str) -> list[str]:
    """The files that a pipeline is opened from, of all that lie in its repository: settings, and each part's weights in
    full precision.

    Raises: Damaged (no index), BadInput (a part has no weights that can be read safely)
    """
    try:
        parts = [part for part, kind in json.loads(index).items() if isinstance(kind, list) and any(kind)
                 and part.isidentifier()]  # no path out of the folder
    except (ValueError, AttributeError) as error:
        raise Damaged(f"{INDEX} of {where} cannot be read ({error})") from error
    found = [INDEX]
    for part in parts:
        mine = [name for name in names if PurePosixPath(name).parent == PurePosixPath(part)]
        weights = [name for name in mine if name.endswith(".safetensors")]
        full = [name for name in weights if "." not in PurePosixPath(name).stem]  # not model.fp16.safetensors
        if not full and any(name.endswith((".safetensors", ".bin", ".msgpack")) for name in mine):
            raise BadInput(f"{where} has no .safetensors weights in full precision for its part '{part}' "
                           f"(it has {', '.join(sorted(mine)[:4])})")
        found += [name for name in mine if name.endswith(KEPT) and (name in full or name not in weights)]
    return found


def origin(folder: Path, name: str) -> Origin:
    """What such a folder says of itself; its licence and training data have to be stated by who adds it. Its identity
    is that of weights and settings: the same weights under another scheduler draw other pictures.

    Raises: BadInput (no weights that can be read safely), Damaged
    """
    files = {path.relative_to(folder).as_posix(): sha256_file(path) for path in _kept(folder)}
    if not any(file.endswith(".safetensors") for file in files):
        raise BadInput(f"the pipeline in '{folder}' has no .safetensors weights; save it with "
                       "pipeline.save_pretrained(FOLDER, safe_serialization=True) where you trust it")
    kind = _index(folder).get("_class_name")
    if not isinstance(kind, str):
        raise Damaged(f"'{folder / INDEX}' does not name its pipeline")
    joint = sha256_bytes("".join(f"{sha256}  {file}\n" for file, sha256 in files.items()).encode())
    size_bytes = sum((folder / file).stat().st_size for file in files)
    return Origin(name, joint, f"{kind} in {folder.absolute()}", "", "not disclosed", size_bytes, str(folder.resolve()),
                  files)


def copy(source: Path, folder: Path, origin: Mapping[str, Any] | None, form: int) -> None:
    """Copies what is kept of the folder, which appears whole or not at all.

    Raises: OutOfRoom
    """
    facts = {"format": form, "family": FAMILY, "architecture": {"family": FAMILY}, "origin": dict(origin or {})}
    with disk_errors(folder), whole_folder(folder) as part:
        for path in _kept(source):
            target = part / path.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
        atomic_write(part / "model.json", json.dumps(facts, indent=1, ensure_ascii=False))


def _kept(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix in KEPT)


def _index(folder: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(read_text(folder / INDEX)))
    except (ValueError, TypeError) as error:
        raise Damaged(f"'{folder / INDEX}' cannot be read ({error})") from error
