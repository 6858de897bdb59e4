"""Signs a work: into the file where C2PA can, else as a C2PA manifest store of its own, to lie beside the file.

A store beside the file is C2PA's own form for what cannot hold one ("external manifest"): any C2PA reader checks it
against the bytes of the file, and one reader, one trust list and one set of words serve every medium. A JWS or DSSE
record would have needed a second of each, for less: no actions, no ingredients.
"""

from __future__ import annotations

import functools
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import c2pa

from makar.kit.errors import BadInput, NoNetwork
from makar.provenance.credentials import wrapper
from makar.provenance.credentials.context import context
from makar.provenance.credentials.definition import FILE_TYPE, definition
from makar.provenance.credentials.media import HEAD_BYTES, Media, media_of, media_of_type
from makar.provenance.credentials.signing_key import SigningKey, current_key
from makar.provenance.credentials.store import file_type

SUFFIX = ".c2pa"
Definition = dict[str, Any]


@dataclass(frozen=True)
class Parent:
    """A file that a work was made from; its own signature, if it has one, goes along.

    sidecar: its manifest store, where that lies beside it
    """

    name: str
    data: bytes
    sidecar: bytes | None = None


@dataclass(frozen=True)
class Signed:
    """A signed work as it leaves. `sidecar` is to be written beside it; None where the signature is in the data."""

    data: bytes
    sidecar: bytes | None
    key: str


def sidecar_path(path: Path) -> Path:
    """Where the signature of a file lies that cannot hold its own."""
    return path.with_name(f"{path.name}{SUFFIX}")


def sign(data: bytes, media_type: str, manifest: Mapping[str, Any], *, parents: Sequence[Parent] = (),
         embed_text: bool = False, key: SigningKey | None = None) -> Signed:
    """Signs `data` with `manifest` (see `makar.provenance.manifest`) by the key that signs now.

    parents: files it was made from, the first of them the one that it is a version of
    embed_text: put the signature of a text into the text, as invisible characters at its end

    Raises: BadInput (not of that type; a text that cannot hold it), NoNetwork (no time stamp), Damaged (the key)
    """
    key = current_key() if key is None else key
    media = media_of_type(media_type)
    said = definition(manifest, media, opened=bool(parents))
    typed = file_type(media.media_type, data)
    if typed is not None:
        said["assertions"].append({"label": FILE_TYPE, "data": typed, "kind": "Json", "created": True})
    if embed_text:
        seal = functools.partial(_store, media=media, said=said, parents=parents, key=key)
        return Signed(wrapper.embed(data, media, seal), None, key.id)
    if not media.embeds:
        return Signed(data, _store(data, {}, media=media, said=said, parents=parents, key=key), key.id)
    found = media_of("", data[:HEAD_BYTES])
    if found != media and found.marks:
        raise BadInput(f"these bytes are no {media.media_type}: they look like {found.media_type}")
    out = io.BytesIO()
    with c2pa.Builder(said, context=context()) as builder:
        _require_whole(_build(builder, media, data, parents, key, out), said)
    return Signed(out.getvalue(), None, key.id)


def _store(data: bytes, binding: Definition, *, media: Media, said: Definition, parents: Sequence[Parent],
           key: SigningKey) -> bytes:
    """A manifest store for `data` that is not put into it. `binding`: the assertion that binds it, if C2PA's will not
    do."""
    whole = {**said, "assertions": [*said["assertions"], *([binding] if binding else [])]}
    with c2pa.Builder(whole, context=context()) as builder:
        builder.set_no_embed()
        return _require_whole(_build(builder, media, data, parents, key, io.BytesIO()), said)


def _build(builder: c2pa.Builder, media: Media, data: bytes, parents: Sequence[Parent], key: SigningKey,
           out: io.BytesIO) -> bytes:
    for number, parent in enumerate(parents):
        _add_parent(builder, parent, "parentOf" if number == 0 else "inputTo", number)
    info = c2pa.C2paSignerInfo(key.algorithm.encode(), key.chain, key.private,
                               key.time_stamps.encode() if key.time_stamps else None)
    try:
        with c2pa.Signer.from_info(info) as signer:
            made: bytes = builder.sign(signer, media.media_type, io.BytesIO(data), out)
    except c2pa.C2paError as error:
        raise _meaning(error, media, key) from error
    return made


def _require_whole(made: bytes, said: Definition) -> bytes:
    """The manifest store, if a record comes back from it as it went in: C2PA's form has no lists of small whole
    numbers, for one, and gives them back as bytes, so that an honest work would contradict the ledger."""
    # The signature was checked as it was made.
    with c2pa.Reader("application/c2pa", io.BytesIO(made), context=context(checked=False)) as reader:
        told = json.loads(reader.json())
    signed = {one["label"]: one["data"] for one in told["manifests"][told["active_manifest"]]["assertions"]}
    for assertion in said["assertions"]:
        if assertion.get("kind") == "Json" and signed[assertion["label"]] != assertion["data"]:
            changed = sorted(name for name, value in assertion["data"].items()
                             if signed[assertion["label"]].get(name) != value)
            raise BadInput(f"the record cannot be signed as it is: C2PA's form would change {', '.join(changed)} (a "
                           "list of whole numbers below 256 becomes bytes; write them as words)")
    return made


def _add_parent(builder: c2pa.Builder, parent: Parent, relationship: str, number: int) -> None:
    media = media_of(parent.name, parent.data[:HEAD_BYTES])
    words: Definition = {"title": parent.name, "relationship": relationship, "label": f"parent-{number}"}
    try:
        if parent.sidecar is not None:
            words |= _beside(builder, f"parent-{number}{SUFFIX}", parent.data, parent.sidecar, media)
        builder.add_ingredient(words, media.media_type, io.BytesIO(parent.data))
    except c2pa.C2paError as error:
        raise BadInput(f"the parent '{parent.name}' cannot be named in the signature: {error}") from error


def _beside(builder: c2pa.Builder, name: str, data: bytes, sidecar: bytes, media: Media) -> Definition:
    """The manifest store that lies beside a parent, with what its validation says: C2PA wants both or neither."""
    with c2pa.Reader(media.media_type, io.BytesIO(data), sidecar, context=context()) as reader:
        told = json.loads(reader.json())
    builder.add_resource(name, io.BytesIO(sidecar))
    return {"manifest_data": {"format": "application/c2pa", "identifier": name},
            "active_manifest": told["active_manifest"], "validation_results": told["validation_results"]}


def _meaning(error: c2pa.C2paError, media: Media, key: SigningKey) -> BadInput | NoNetwork:
    from makar.provenance.credentials.authority import algorithm_of, private_key

    said = str(error)
    try:
        algorithm = algorithm_of(private_key(key.private))
    except BadInput as damage:
        return BadInput(f"the signing key {key.id} is damaged ({damage}); make another: makar keys rotate (what was "
                        "signed with this one still verifies)")
    if algorithm != key.algorithm:
        return BadInput(f"the signing key {key.id} signs by {algorithm}, and settings.json beside it says "
                        f"{key.algorithm}; take \"algorithm\" out there")
    if key.time_stamps and ("time stamp" in said.lower() or "timestamp" in said.lower() or "http" in said.lower()):
        return NoNetwork(f"the time-stamp service {key.time_stamps} gave no time stamp ({said}); nothing was signed. "
                         "Try again later, or sign without: makar keys timestamps none")
    if "certificate" in said.lower():
        return BadInput(f"the key {key.id} cannot sign now ({said}): look at its dates with makar keys show, and at "
                        "this machine's clock")
    return BadInput(f"this {media.media_type} cannot be signed: {said}")
