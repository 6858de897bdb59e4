"""Reads a signature, whoever made it: by which key, trusted or not, and what was changed since."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

import c2pa

from makar.kit.config import to_json
from makar.kit.errors import BadInput
from makar.provenance.credentials import store, wrapper
from makar.provenance.credentials.authority import known_keys
from makar.provenance.credentials.context import context
from makar.provenance.credentials.definition import FILE_TYPE, MANIFEST
from makar.provenance.credentials.media import Media

NO_MATTER = {"signingCredential.untrusted"}  # said apart: who signed is one thing, whether it was changed another
_PARTS = {
    "assertion.dataHash.mismatch": "the content", "assertion.bmffHash.mismatch": "the content",
    "assertion.boxesHash.mismatch": "the content", "assertion.collectionHash.mismatch": "the content",
    "claimSignature.mismatch": "the claim or its signature", "assertion.missing": "the assertions",
    "assertion.hashedURI.mismatch": "an assertion", "claimSignature.missing": "the signature",
    "signingCredential.invalid": "the certificate", "claim.malformed": "the claim",
}
# What C2PA tells of a manifest that was changed may lack any part of what it tells of a whole one.
_UNREADABLE = (c2pa.C2paError, LookupError, TypeError, ValueError, AttributeError)
_DATES = ("signingCredential.expired", "claimSignature.outsideValidity")


@dataclass(frozen=True)
class Signature:
    """What is known of a file's signature.

    state: none, valid, changed (since it was signed), or dated (unchanged, but signed outside the key's dates)
    place: in the file, in the text, or beside it
    key: the serial number of the certificate in hex; own: it is one of this machine's
    at: when a time-stamp service says that it was signed
    wrong: what was changed, in words
    manifest: Makar's manifest, where the file was made by it; tool: what wrote the signature
    parents: titles of the ingredients, each with whether it was signed itself
    """

    state: str
    place: str = ""
    key: str = ""
    name: str = ""
    issuer: str = ""
    trusted: bool = False
    own: bool = False
    at: str | None = None
    wrong: tuple[str, ...] = ()
    manifest: Mapping[str, Any] | None = None
    tool: str = ""
    source_type: str = ""
    parents: tuple[tuple[str, bool], ...] = ()


NONE = Signature("none")


def read(file: BinaryIO, media: Media, sidecar: bytes | None, *, text: str | None = None) -> Signature:
    """The signature in a file, in its text, or beside it; the first of these that there is.

    text: the whole as text, where it is one and not too long
    """
    embedded = _embedded(file, media)
    if embedded is not None:
        return embedded
    if text is not None:
        wrapped = _wrapped(text, media)
        if wrapped is not None:
            return wrapped
    if sidecar is not None:
        return _sidecar(file, media, sidecar)
    return _remains(file, media) or NONE


def _embedded(file: BinaryIO, media: Media) -> Signature | None:
    if not media.embeds:
        return None
    file.seek(0)
    try:
        with c2pa.Reader(media.media_type, file, context=context()) as reader:
            found, typed = _found(reader, "in the file"), _assertion(_active(reader), FILE_TYPE)
    except c2pa.C2paError.ManifestNotFound:
        return None
    except _UNREADABLE as error:
        return _broken("in the file", error) if _remains(file, media) else None
    if found.manifest is None:
        return found
    file.seek(0)
    data = file.read()
    held = store.store_in(media.media_type, data)
    changed = [] if typed is None or typed == store.file_type(media.media_type, data) else ["the type of the file"]
    return _strict(found, [*changed, *store.frame_faults(media.media_type, data),
                           *([] if held is None else store.faults(held))])


def _wrapped(text: str, media: Media) -> Signature | None:
    try:
        wrapped = wrapper.find(text)
    except BadInput as error:
        return Signature("changed", "in the text", wrong=(str(error),))
    if wrapped is None:
        return None
    try:
        with c2pa.Reader(media.media_type, io.BytesIO(wrapped.normal), wrapped.store, context=context()) as reader:
            found = _found(reader, "in the text", hashed=False)
            binding = _binding(reader)
    except _UNREADABLE as error:
        return _broken("in the text", error)
    bound = [] if wrapper.is_bound(wrapped, binding) else ["the text"]
    exact = found.manifest is None or (wrapper.is_exact(wrapped) and text.encode() == wrapped.normal)
    return _strict(found, [*bound, *([] if exact else ["the wrapper in the text"]),
                           *(store.faults(wrapped.store) if found.manifest is not None else ())])


def _sidecar(file: BinaryIO, media: Media, data: bytes) -> Signature:
    file.seek(0)
    try:
        # C2PA looks into a file of a kind it knows before it takes the store beside it; these bytes are hashed whole.
        kind = media.media_type if media.embeds else "text/plain"
        with c2pa.Reader(kind, file, data, context=context()) as reader:
            found = _found(reader, "beside the file")
    except _UNREADABLE as error:
        return _broken("beside the file", error)
    return found if found.manifest is None else _strict(found, store.faults(data))


def _remains(file: BinaryIO, media: Media) -> Signature | None:
    """A signature that was there: what is left of it cannot be read, but nothing else leaves such bytes."""
    file.seek(0)
    last = b""
    while block := file.read(1 << 22):
        if store.has_remains(media.media_type, last + block):
            return Signature("changed", "in the file", wrong=("what is left of a signature cannot be read: it was "
                                                              "changed, or cut short",))
        last = block[-256:]
    return None


def _broken(place: str, error: Exception) -> Signature:
    said = str(error) or type(error).__name__
    return Signature("changed", place, wrong=(f"the signature cannot be read ({said}): it was changed, or cut short",))


def _strict(found: Signature, more: Any) -> Signature:
    wrong = tuple(more)
    if not wrong or found.state == "changed":
        return found if not wrong else Signature(**{**vars(found), "wrong": (*found.wrong, *wrong)})
    return Signature(**{**vars(found), "state": "changed", "wrong": wrong})


def _found(reader: c2pa.Reader, place: str, *, hashed: bool = True) -> Signature:
    """hashed: the reader can tell whether the content was changed; of a wrapped text it cannot."""
    told, spelled = json.loads(reader.json()), json.loads(reader.crjson())
    label = told.get("active_manifest")
    manifest = told["manifests"].get(label)
    if manifest is None:
        return Signature("changed", place, wrong=("the signature names a manifest that is not there",))
    same: Mapping[str, Any] = next((one for one in spelled["manifests"] if one["label"] == label), {})
    signed: Mapping[str, Any] = same.get("signature", {})
    certificate = signed.get("certificateInfo", {})
    key = f"{int(certificate.get('serialNumber') or '0', 16):x}"
    results = told.get("validation_results", {})
    active = results.get("activeManifest", {})
    failed = [one for one in active.get("failure", ()) if hashed or one["code"] != "assertion.dataHash.mismatch"]
    trusted = any(one["code"] == "signingCredential.trusted" for one in active.get("success", ()))
    dated = tuple(_dated(one) for one in failed if one["code"] in _DATES)
    wrong = tuple(dict.fromkeys(_words(one) for one in [*failed, *_stamps(active)]
                                if one["code"] not in (*NO_MATTER, *_DATES)))
    return Signature(
        "changed" if wrong else "dated" if dated else "valid", place, key,
        manifest.get("signature_info", {}).get("common_name") or _common(certificate, "subject"),
        _common(certificate, "issuer"), trusted, trusted and any(fact.id == key for fact in known_keys()),
        manifest.get("signature_info", {}).get("time"), wrong or dated, _assertion(manifest, MANIFEST), _tool(manifest),
        _source_type(manifest), tuple(_parents(manifest)))


def _stamps(active: Mapping[str, Any]) -> Iterator[Mapping[str, str]]:
    """A time stamp that does not fit is only information to C2PA; here it is a change like any other."""
    return (one for one in active.get("informational", ()) if one["code"] in ("timeStamp.mismatch",
                                                                             "timeStamp.malformed"))


def _words(failure: Mapping[str, str]) -> str:
    code = failure["code"]
    part = _PARTS.get(code)
    if code == "assertion.hashedURI.mismatch":
        part = f"the assertion {failure.get('url', '').rsplit('/', 1)[-1]}"
    return part or f"{code}: {failure.get('explanation', '')}".rstrip(": ")


def _dated(failure: Mapping[str, str]) -> str:
    return f"signed when its certificate did not hold ({failure.get('explanation', failure['code'])})"


def _binding(reader: c2pa.Reader) -> dict[str, Any]:
    told = json.loads(reader.detailed_json())
    found = told["manifests"][told["active_manifest"]]["assertion_store"].get("c2pa.hash.data", {})
    return dict(found)


def _active(reader: c2pa.Reader) -> Mapping[str, Any]:
    told = json.loads(reader.json())
    found: Mapping[str, Any] = told["manifests"].get(told.get("active_manifest"), {})
    return found


def _assertion(manifest: Mapping[str, Any], label: str) -> Mapping[str, Any] | None:
    found = next((one["data"] for one in manifest.get("assertions", ()) if one["label"] == label), None)
    return dict(to_json(found)) if isinstance(found, Mapping) else None


def _tool(manifest: Mapping[str, Any]) -> str:
    info = (manifest.get("claim_generator_info") or [{}])[0]
    return f"{info.get('name', manifest.get('claim_generator', ''))} {info.get('version', '')}".strip()


def _source_type(manifest: Mapping[str, Any]) -> str:
    for one in manifest.get("assertions", ()):
        if one["label"].startswith("c2pa.actions"):
            for action in one["data"].get("actions", ()):
                if "digitalSourceType" in action:
                    return str(action["digitalSourceType"]).rsplit("/", 1)[-1]
    return ""


def _parents(manifest: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
    for one in manifest.get("ingredients", ()):
        yield str(one.get("title", "")), "active_manifest" in one


def _common(certificate: Mapping[str, Any], who: str) -> str:
    names = certificate.get(who) or {}
    return str(names.get("CN") or names.get("O") or "")
