"""What one repository on the hub holds: its files with their sizes and hashes, its licence, the data it names."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote

from makar.kit.errors import BadInput, Damaged, NoNetwork, NotHere
from makar.store.catalogue import NOT_DISCLOSED, HubFile

LISTING_LIMIT_BYTES = 20_000_000
SMALL_LIMIT_BYTES = 64_000_000
_ID = re.compile(r"(?P<repo>[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)(@(?P<revision>[\w./-]+))?(:(?P<file>[\w./ -]+))?")


@dataclass(frozen=True)
class Entry:
    """One file. Large ones are known by sha256, small ones by their git blob id."""

    file: HubFile
    size_bytes: int
    sha256: str
    blob_id: str

    @property
    def name(self) -> str:
        """Its name in the repository."""
        return self.file.file


@dataclass(frozen=True)
class Repo:
    """A repository at one commit."""

    name: str
    commit: str
    licence: str
    training_data: str
    entries: tuple[Entry, ...]


def parse_id(text: str) -> HubFile | None:
    """`org/repo`, `org/repo@revision` or `org/repo:file.gguf`; None where `text` has another form."""
    match = _ID.fullmatch(text)
    if match is None or text.startswith((".", "/", "~")):
        return None
    return HubFile(match["repo"], match["file"] or "", match["revision"] or "main")


def describe(asked: HubFile, kind: Literal["models", "datasets"] = "models") -> Repo:
    """Asks the hub what the repository holds, at the commit that the revision names now.

    Raises: NoNetwork, NotHere, Damaged
    """
    from makar.store.mirrors import hub  # HTTP is imported where it is spoken: that takes a while

    url = f"{hub.address()}/api/{kind}/{quote(asked.repo)}/revision/{quote(asked.revision, safe='')}?blobs=true"
    place = asked.repo if kind == "models" else f"{kind}/{asked.repo}"
    try:
        told = json.loads(hub.get(url, LISTING_LIMIT_BYTES))
        commit = str(told["sha"])
        entries = tuple(_entry(place, commit, item) for item in told["siblings"])
        return Repo(asked.repo, commit, _licence(told), _training_data(told), entries)
    except NoNetwork:
        raise
    except NotHere as error:
        raise NotHere(f"{hub.address()} {error}: {asked.repo} at {asked.revision}; check the name") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Damaged(f"the answer of {hub.address()} about {asked.repo} cannot be read: {error!r}") from error


def small_file(entry: Entry) -> bytes:
    """A configuration or tokenizer file, checked against the hash the repository states for it.

    Raises: NoNetwork, NotHere, Damaged, BadInput
    """
    from makar.store.mirrors import hub

    if entry.size_bytes > SMALL_LIMIT_BYTES:
        raise BadInput(f"{entry.name} of {entry.file.repo} has {entry.size_bytes:,} bytes; "
                       f"the limit for such a file is {SMALL_LIMIT_BYTES:,}")
    try:
        data = hub.get(hub.file_url(entry.file), entry.size_bytes)
    except NotHere as error:
        raise NotHere(f"{hub.address()} lists {entry.name} of {entry.file.repo}, but {error}") from error
    if entry.sha256:
        matches = hashlib.sha256(data).hexdigest() == entry.sha256
    else:  # git's own name for these bytes; SHA-1 is what the hub has for small files
        matches = hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest() == entry.blob_id
    if not matches:
        raise Damaged(f"{hub.address()} sent other bytes for {entry.name} of {entry.file.repo} than it lists")
    return data


def _entry(repo: str, commit: str, item: Mapping[str, Any]) -> Entry:
    large = item.get("lfs") or {}
    return Entry(HubFile(repo, str(item["rfilename"]), commit), int(large.get("size") or item.get("size") or 0),
                 str(large.get("sha256") or ""), str(item.get("blobId") or ""))


def _licence(told: Mapping[str, Any]) -> str:
    stated = (told.get("cardData") or {}).get("license")
    tags = [tag.removeprefix("license:") for tag in told.get("tags") or () if str(tag).startswith("license:")]
    return str(stated or next(iter(tags), "not stated"))


def _training_data(told: Mapping[str, Any]) -> str:
    named = (told.get("cardData") or {}).get("datasets") or []
    sets = [named] if isinstance(named, str) else [str(name) for name in named]
    return f"the model card names {', '.join(sets)}" if sets else NOT_DISCLOSED
