"""A folder that already has the native form, such as a checkpoint of `makar train`: taken in as it is.

One with a `base` in its model.json holds an adapter, whose base is another model of the store. A model of pictures has
its weights in shards, and no tokenizer.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from makar.kit.config import facts_in
from makar.kit.errors import BadInput, Damaged
from makar.kit.files import atomic_write, disk_errors, read_text, sha256_bytes, sha256_file, whole_folder
from makar.store.stored_model import Origin

FORMAT = 1
"""Of the native form; what was converted to another is converted again."""
MODEL, WEIGHTS, TOKENIZER = "model.json", "weights.safetensors", "tokenizer.json"
SHARDS = "weights.json"
PICTURES, PAINTER, AUTOENCODER = "patchflow", "painter", "autoencoder"
"""The families of models that draw: from noise in steps, from attributes at once, cleaner what another has drawn."""
DRAWING = (PICTURES, PAINTER, AUTOENCODER)
OPTIONAL = ("chat_template.jinja", "card.md", "neighbours.safetensors")


def find(path: Path) -> Path | None:
    """The native folder that `path` is, or the newest checkpoint of the run that it is."""
    candidates = [path, *sorted(path.glob("checkpoints/step-*"), reverse=True)] if path.is_dir() else []
    return next((folder for folder in candidates if (folder / MODEL).is_file()
                 and ((folder / WEIGHTS).is_file() or (folder / SHARDS).is_file())), None)


def weight_files(folder: Path) -> dict[str, str]:
    """The names of a folder's weight files and their sha256, of their bytes as they are.

    Raises: Damaged
    """
    if not (folder / SHARDS).is_file():
        return {WEIGHTS: sha256_file(folder / WEIGHTS)}
    try:
        num = len(json.loads(read_text(folder / SHARDS))["sha256"])
        names = [f"weights-{number:05}.safetensors" for number in range(num)]
        return {name: sha256_file(folder / name) for name in names}
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise Damaged(f"'{folder / SHARDS}' cannot be read, or a file that it names ({error!s:.200})") from error


def origin(folder: Path, name: str) -> Origin:
    """What such a folder says of itself.

    Raises: BadInput (another form), Damaged (weights with another hash than it says)
    """
    facts, files = _facts(folder), weight_files(folder)
    sharded = WEIGHTS not in files
    sha256 = sha256_bytes("".join(files.values()).encode()) if sharded else files[WEIGHTS]
    if sha256 != facts.get("weights_sha256"):
        raise Damaged(f"the weights in '{folder}' were changed: they hash to {sha256[:16]}…, expected "
                      f"{str(facts.get('weights_sha256'))[:16]}…")
    if not sharded and not (folder / TOKENIZER).is_file():
        raise BadInput(f"'{folder}' has no {TOKENIZER}, without which its weights cannot be used")
    return Origin(name, sha256, str(folder.absolute()), str(facts.get("licence") or ""),
                  str(facts.get("training_data") or "not disclosed"),
                  sum((folder / name).stat().st_size for name in files), str(folder.resolve()), files)


def copy(source: Path, folder: Path, origin: Mapping[str, Any] | None) -> None:
    """Copies the folder, which appears whole or not at all.

    Raises: BadInput, OutOfRoom
    """
    facts = _facts(source)
    with disk_errors(folder), whole_folder(folder) as part:
        for name in (*weight_files(source), SHARDS, TOKENIZER, *OPTIONAL):
            if (source / name).is_file():
                shutil.copyfile(source / name, part / name)
        atomic_write(part / MODEL, json.dumps({**facts, "origin": dict(origin or {})}, indent=1, ensure_ascii=False))


def _facts(folder: Path) -> dict[str, Any]:
    try:
        facts = dict(facts_in(read_text(folder / MODEL)))
    except (ValueError, TypeError) as error:
        raise Damaged(f"'{folder / MODEL}' cannot be read ({error})") from error
    needed = {"architecture"} | ({"eos_ids"} if facts.get("family") not in DRAWING else set())
    if facts.get("format") != FORMAT or not needed <= facts.keys():
        raise BadInput(f"'{folder / MODEL}' has form {facts.get('format')!r:.20}; this version of Makar reads {FORMAT}")
    return facts


def facts(folder: Path) -> dict[str, Any]:
    """What such a folder says of its model, its weights' hash among it, wherever it was taken from.

    Raises: Damaged, BadInput
    """
    return {name: fact for name, fact in _facts(folder).items() if name != "origin"}


def family_of(folder: Path) -> str:
    """The family that a native folder names.

    Raises: Damaged, BadInput
    """
    return str(_facts(folder).get("family"))
