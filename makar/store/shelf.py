"""The models of this machine by name: which there are, which is used, getting, verifying and removing them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from makar.kit.errors import Damaged, NotHere, UnknownName
from makar.kit.lock import held
from makar.store import layout, proof
from makar.store.catalogue import CATALOGUE, HubFile, RegistryFile, Weights
from makar.store.fetch import expect_room, fetch, say, whole
from makar.store.pictures import enlarger
from makar.store.shipped import SHIPPED, Shipped
from makar.store.stored_model import Origin, StoredModel, is_current, is_ready, make, read_model

ROOMY_BYTES = 4 << 30
LARGER, SMALLER = "qwen2.5-coder-1.5b", "qwen2.5-coder-0.5b"


@dataclass(frozen=True)
class Entry:
    """One line of the list. `here` is ready, pulled, begun or no; `disk_bytes` is what it takes on this machine."""

    name: str
    size_bytes: int
    num_params: int
    licence: str
    here: str
    disk_bytes: int
    added: bool


def default_model() -> str:
    """The model for those who name none: `$MAKAR_MODEL`, else the largest known one that free memory suggests."""
    named = os.environ.get("MAKAR_MODEL", "").strip()
    if named:
        return named
    import psutil

    return LARGER if psutil.virtual_memory().available >= ROOMY_BYTES else SMALLER


def added_names() -> list[str]:
    """Models on this machine that the catalogue does not know."""
    folder = layout.models()
    found = [path.name for path in folder.iterdir() if not path.name.startswith(".")] if folder.is_dir() else []
    return sorted(name for name in found if name not in CATALOGUE and name not in SHIPPED and is_ready(name))


def expect_known(name: str) -> None:
    """Raises: UnknownName"""
    if name not in CATALOGUE and name not in SHIPPED and name not in added_names():
        raise UnknownName("model", name, [*CATALOGUE, *SHIPPED, *added_names()])


def pull(name: str, progress: bool = True, source: Path | None = None) -> Path:
    """The raw file of a known model, fetched if it is not here. `source` names a file or folder instead of the mirrors.

    Raises: UnknownName, NoNetwork, NotHere, Damaged, OutOfRoom, BadInput
    """
    if name in SHIPPED:
        raise NotHere(f"'{name}' comes with Makar and needs no pulling")
    if name not in CATALOGUE and name in added_names():
        raise NotHere(f"'{name}' was added on this machine and has no mirrors; add it again from its source")
    expect_known(name)
    return fetch(CATALOGUE[name], show=progress, source=source)


def stored(name: str | None = None, pull: bool = True, *, source: Path | None = None) -> StoredModel:
    """The named model ready for use, or the default one; pulled and converted the first time (unless `pull` is False).

    Raises: UnknownName, NotHere, NoNetwork, Damaged, OutOfRoom, BadInput
    """
    name = name or default_model()
    found = enlarger(name)
    if found is not None:
        return found
    expect_known(name)
    if not _usable(name):
        weights = CATALOGUE.get(name)
        if weights is not None and not pull and not whole(raw_of(weights), weights.size_bytes):
            raise NotHere(f"the model {name} is not on this machine; run: makar models pull {name}")
        with held(layout.lock_file(name), lambda: say(f"another process is preparing {name}; waiting")):
            if not _usable(name):
                if name in SHIPPED:
                    make(SHIPPED[name].origin())
                elif weights is None:
                    _renew(name)
                else:
                    _prepare(weights, source)
    proof.check_quickly(layout.model_folder(name))
    return read_model(name)[0]


def _usable(name: str) -> bool:
    ready = is_ready(name) and is_current(name)
    return ready and (name not in SHIPPED or SHIPPED[name].is_in(layout.model_folder(name)))


def _renew(name: str) -> None:
    """Converts an added model again, because an older version of Makar made its native form."""
    origin = read_model(name)[1]
    if not origin.path.exists():
        raise NotHere(f"another version of Makar converted {name}, and its source '{origin.path}' is no longer there; "
                      f"run: makar models remove {name} ; then add it again")
    expect_room(origin.bytes, f"converting {name}")
    say(f"converting {name} again, to the form that this version of Makar uses")
    make(origin)


def _prepare(weights: Weights, source: Path | None) -> None:
    raw = raw_of(weights)
    missing_bytes = 0 if whole(raw, weights.size_bytes) else weights.size_bytes
    expect_room(missing_bytes + weights.native_bytes, f"pulling and converting {weights.name}")
    fetch(weights, show=True, source=source)
    say(f"converting {weights.name} to the form it is used in, once")
    first = next((mirror for mirror in weights.mirrors if isinstance(mirror, HubFile)), None)
    make(Origin(weights.name, weights.sha256, f"{first.repo}:{first.file}" if first else weights.file, weights.licence,
                weights.training_data, weights.size_bytes, layout.stored_path(raw), {raw.name: weights.sha256}))


def raw_of(weights: Weights) -> Path:
    """Where the source file of a known model lies once it is pulled."""
    return layout.raw_file(weights.sha256, weights.file)


def listing() -> list[Entry]:
    """Every known and every added model."""
    return [*map(_catalogue_entry, CATALOGUE.values()), *map(_shipped_entry, SHIPPED.values()),
            *map(_added_entry, added_names())]


def _shipped_entry(model: Shipped) -> Entry:
    return Entry(model.name, 0, model.num_params, model.licence, "with Makar",
                 size_on_disk(layout.model_folder(model.name)), False)


def _catalogue_entry(weights: Weights) -> Entry:
    raw, part = raw_of(weights), layout.part_file(weights.sha256)
    here = ("ready" if is_ready(weights.name) else "pulled" if whole(raw, weights.size_bytes)
            else "begun" if part.exists() and part.stat().st_size else "no")
    disk_bytes = sum(size_on_disk(path) for path in (raw, part, layout.model_folder(weights.name)))
    return Entry(weights.name, weights.size_bytes, weights.num_params, weights.licence, here, disk_bytes, False)


def _added_entry(name: str) -> Entry:
    folder_bytes = size_on_disk(layout.model_folder(name))
    try:
        model, origin = read_model(name)
    except Damaged:
        return Entry(name, 0, 0, "not readable", "damaged", folder_bytes, True)
    raw_bytes = size_on_disk(origin.path) if origin.ours else 0
    return Entry(name, model.bytes, model_params(model), model.licence, "ready", folder_bytes + raw_bytes, True)


def model_params(model: StoredModel) -> int:
    """The parameters of a converted model, from its size on disk: its weights are two bytes each."""
    return sum(file.stat().st_size for file in model.folder.glob("weights*.safetensors")) // 2


def size_on_disk(path: Path) -> int:
    """Bytes of a file, or of all files in a folder; 0 where there is none."""
    if path.is_dir():
        return sum(size_on_disk(inside) for inside in path.iterdir())
    return path.stat().st_size if path.exists() else 0


def describe(name: str) -> list[tuple[str, str]]:
    """What there is to say of a model, as labels and values.

    Raises: UnknownName, Damaged
    """
    expect_known(name)
    if name in CATALOGUE:
        weights = CATALOGUE[name]
        lines = [("name", name), ("file", f"{weights.file}, {weights.size_bytes:,} bytes"), ("sha256", weights.sha256),
                 ("parameters", f"{weights.num_params:,}"), ("licence", weights.licence),
                 ("training data", weights.training_data)]
        lines += [("mirror", _mirror_text(mirror)) for mirror in weights.mirrors]
    else:
        model = stored(name) if name in SHIPPED else read_model(name)[0]
        lines = [("name", name), ("source", f"{model.source}, {model.bytes:,} bytes"), ("sha256", model.sha256),
                 ("parameters", f"{model_params(model):,}"), ("licence", model.licence),
                 ("training data", model.training_data)]
    entry = next(entry for entry in listing() if entry.name == name)
    lines.append(("here", f"{entry.here}, {entry.disk_bytes:,} bytes on disk"))
    if is_ready(name):
        model = read_model(name)[0]
        lines.append(("folder", str(model.folder)))
        lines += [(key, str(value)) for key, value in model.architecture.items() if value is not None]
    return lines


def _mirror_text(mirror: HubFile | RegistryFile) -> str:
    if isinstance(mirror, HubFile):
        return f"hub {mirror.repo} @ {mirror.revision}"
    first, last = mirror.parts[0].package, mirror.parts[-1].package
    return f"{mirror.client} {first}{f' to {last}' if last != first else ''} {mirror.version}"
