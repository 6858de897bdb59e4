"""Models of the user's own: a GGUF file, a safetensors folder, a checkpoint, or a repository on the hub."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from makar.kit.errors import BadInput, NoNetwork, NotHere
from makar.kit.files import atomic_write, disk_errors, sha256_file
from makar.kit.lock import held
from makar.store import layout, native, pipeline
from makar.store.catalogue import CATALOGUE, NOT_DISCLOSED, HubFile, Weights
from makar.store.fetch import bar, expect_room, fetch, offline, say, whole
from makar.store.mirrors import hub_repo
from makar.store.mirrors.hub_repo import Entry, Repo
from makar.store.stored_model import Origin, StoredModel, is_ready, make, read_model

RESERVED = ("tiny",)
SMALL_FILES = ("config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json",
               "special_tokens_map.json", "chat_template.jinja", "model.safetensors.index.json")
PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_SHARD = re.compile(r"model-\d+-of-\d+\.safetensors")


@dataclass(frozen=True)
class Stated:
    """What the user says of a model whose files do not say it."""

    licence: str = ""
    training_data: str = ""


def add(where: str | Path, name: str | None = None, stated: Stated = Stated()) -> StoredModel:
    """Takes a model in: `where` is a path, or `org/repo`, `org/repo@revision`, `org/repo:file.gguf` on the hub.

    Raises: BadInput, NotHere, NoNetwork, Damaged, OutOfRoom
    """
    path = Path(where).expanduser()
    asked = None if path.exists() else hub_repo.parse_id(str(where))
    if not path.exists() and (asked is None or (not asked.file and path.suffix in (".gguf", ".safetensors"))):
        raise NotHere(f"there is no file or folder '{where}', and it is no hub id of the form org/repo[:file.gguf]")
    name = _free_name(name or _suggest(path, asked))
    with held(layout.lock_file(name), lambda: say(f"another process is adding {name}; waiting")):
        _free_name(name)
        origin = _from_disk(path, name) if asked is None else _from_hub(asked, name)
        expect_room(origin.bytes, f"converting {name}")
        say(f"converting {name} to the form it is used in, once")
        make(_with(origin, stated))
    return read_model(name)[0]


def _suggest(path: Path, asked: HubFile | None) -> str:
    text = path.absolute().name if asked is None else (asked.file or asked.repo.partition("/")[2])
    text = re.sub(r"\.(gguf|safetensors)$", "", text.rpartition("/")[2], flags=re.IGNORECASE)
    return re.sub(r"[^a-z0-9._-]+", "-", text.lower()).strip("-._")[:64]


def _free_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise BadInput(f"'{name}' cannot name a model: use lower-case letters, digits, '.', '_' and '-', at most 64 of "
                       "them, and give it with --name")
    if name in CATALOGUE or name in RESERVED:
        raise BadInput(f"'{name}' is the name of a model Makar knows; give another with --name")
    if is_ready(name):
        raise BadInput(f"there is a model '{name}' already; give another name with --name, or run: "
                       f"makar models remove {name}")
    return name


def _with(origin: Origin, stated: Stated) -> Origin:
    return replace(origin, licence=stated.licence or origin.licence,
                   training_data=stated.training_data or origin.training_data)


def _from_disk(path: Path, name: str) -> Origin:
    if (checkpoint := native.find(path)) is not None:
        return native.origin(checkpoint, name)
    if pipeline.is_pipeline(path):
        return pipeline.origin(path, name)
    files = [path] if path.is_file() else _folder_weights(path)
    if path.is_file() and path.suffix.lower() != ".gguf":
        raise BadInput(f"'{path}' is no GGUF file; expected FILE.gguf, or a folder with config.json, tokenizer.json "
                       f"and .safetensors files{_no_pickles([path.name])}")
    size_bytes = sum(file.stat().st_size for file in files)
    with bar(f"hashing {name}", size_bytes, True) as on_bytes:
        hashes = {file.name: sha256_file(file, on_bytes=on_bytes) for file in files}
    return Origin(name, joint_sha256(hashes), str(path.absolute()), "", NOT_DISCLOSED, size_bytes,
                  str(path.resolve()), hashes)


def _folder_weights(folder: Path) -> list[Path]:
    names = [path.name for path in folder.iterdir() if path.is_file()]
    files = [folder / name for name in _weight_names(names, str(folder))]
    for needed in ("config.json", "tokenizer.json"):
        if needed not in names:
            raise BadInput(f"'{folder}' has no {needed}, without which its weights cannot be used")
    return files


def _weight_names(names: list[str], where: str) -> list[str]:
    """The safetensors files of one model, of those that lie together."""
    if "model.safetensors" in names:
        return ["model.safetensors"]
    shards = sorted(name for name in names if _SHARD.fullmatch(name))
    found = shards or sorted(name for name in names if name.endswith(".safetensors"))
    if not found:
        raise BadInput(f"'{where}' has no .safetensors weights{_no_pickles(names)}")
    return found


def _no_pickles(names: list[str]) -> str:
    pickles = [name for name in names if name.lower().endswith(PICKLES)]
    return (f" ({', '.join(pickles[:3])} can hold a pickle, which runs code when it is read, and is never opened; "
            "convert it to safetensors where you trust it)") if pickles else ""


def joint_sha256(hashes: dict[str, str]) -> str:
    """The identity of weights in several files: their own hash if there is one, else that of the list of hashes."""
    if len(hashes) == 1:
        return next(iter(hashes.values()))
    lines = "".join(f"{sha256}  {name}\n" for name, sha256 in sorted(hashes.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def _from_hub(asked: HubFile, name: str) -> Origin:
    if offline():
        raise NoNetwork(f"MAKAR_OFFLINE keeps Makar off the network; fetch {asked.repo} on a connected machine and run "
                        "here: makar models add PATH")
    repo = hub_repo.describe(asked)
    if not asked.file and any(entry.name == pipeline.INDEX for entry in repo.entries):
        return _pipeline_from_hub(repo, name)
    entries = _chosen(asked, repo)
    hashes = {entry.name: entry.sha256 for entry in entries}
    size_bytes = sum(entry.size_bytes for entry in entries)
    expect_room(2 * size_bytes, f"pulling and converting {name}")
    if entries[0].name in _ggufs(entries):
        raw = _fetch_entry(entries[0], repo)
        files, source = {raw.name: entries[0].sha256}, f"{repo.name}@{repo.commit}:{entries[0].name}"
    else:
        raw, files, source = _fetch_folder(entries, repo), hashes, f"{repo.name}@{repo.commit}"
    return Origin(name, joint_sha256(hashes), source, repo.licence, repo.training_data, size_bytes,
                  layout.stored_path(raw), files)


def _pipeline_from_hub(repo: Repo, name: str) -> Origin:
    """A folder with each part of the pipeline in a folder of its own, as the library that opens it expects them."""
    by_name = {entry.name: entry for entry in repo.entries}
    index = hub_repo.small_file(by_name[pipeline.INDEX])
    entries = [by_name[name] for name in pipeline.needed(index, by_name, repo.name)]
    weights = [entry for entry in entries if entry.name.endswith(".safetensors")]
    _expect_hashes(weights, repo)
    expect_room(2 * sum(entry.size_bytes for entry in entries), f"pulling {name}")
    folder = _folder_of(repo)
    for entry in entries:
        _place(entry, repo, folder)
    return replace(pipeline.origin(folder, name), source=f"{repo.name}@{repo.commit}", licence=repo.licence,
                   training_data=repo.training_data, raw=layout.stored_path(folder))


def _place(entry: Entry, repo: Repo, folder: Path) -> None:
    """One file into the folder under its own name, unless it is there; large ones go through the store's fetch."""
    target = folder / entry.name
    if whole(target, entry.size_bytes):
        return
    if not entry.sha256:
        atomic_write(target, hub_repo.small_file(entry))
        return
    raw = _fetch_entry(entry, repo)
    with disk_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        raw.replace(target)


def _folder_of(repo: Repo) -> Path:
    return layout.root() / "raw" / f"{repo.name.replace('/', '--')}--{repo.commit[:12]}"


def _fetch_entry(entry: Entry, repo: Repo) -> Path:
    return fetch(Weights(entry.name, entry.name, entry.sha256, entry.size_bytes, 0, repo.licence, repo.training_data,
                         (entry.file,)), show=True)


def _fetch_folder(entries: list[Entry], repo: Repo) -> Path:
    """A folder with the weights under their own names and the small files beside them; what is there is kept."""
    folder = _folder_of(repo)
    for entry in repo.entries:
        if entry.name in SMALL_FILES:
            atomic_write(folder / entry.name, hub_repo.small_file(entry))
    for entry in entries:
        _place(entry, repo, folder)
    _folder_weights(folder)
    return folder


def _ggufs(entries: Iterable[Entry]) -> list[str]:
    return sorted(entry.name for entry in entries if entry.name.lower().endswith(".gguf"))


def _chosen(asked: HubFile, repo: Repo) -> list[Entry]:
    """The weight files to fetch: the one named, the safetensors of the repository, or its only GGUF file."""
    by_name = {entry.name: entry for entry in repo.entries}
    ggufs = _ggufs(repo.entries)
    flat = [name for name in by_name if "/" not in name]
    if asked.file:
        if asked.file not in ggufs:
            raise BadInput(f"{repo.name} has no GGUF file '{asked.file}'{_no_pickles([asked.file])}; "
                           f"it has: {', '.join(ggufs) or 'none'}")
        chosen = [asked.file]
    elif any(name.endswith(".safetensors") for name in flat):
        chosen = _weight_names(flat, repo.name)
    elif len(ggufs) == 1:
        chosen = ggufs
    elif ggufs:
        raise BadInput(f"{repo.name} has several GGUF files; name one, as in {repo.name}:{ggufs[0]} "
                       f"({', '.join(ggufs[:12])})")
    else:
        raise BadInput(f"{repo.name} has neither .safetensors nor .gguf weights{_no_pickles(flat)}")
    entries = [by_name[name] for name in chosen]
    _expect_hashes(entries, repo)
    return entries


def _expect_hashes(entries: Iterable[Entry], repo: Repo) -> None:
    unknown = [entry.name for entry in entries if not re.fullmatch("[0-9a-f]{64}", entry.sha256)]
    if unknown:
        raise BadInput(f"the hub states no sha256 for {', '.join(unknown)} of {repo.name}, so it cannot be verified")
