"""Every byte of a manifest store and of the frame that holds it, accounted for.

C2PA's hashes cover what a file says. They leave out what only holds it together: box headers, padding, the chunk that
carries the store. A change there alters no word of the manifest, but the file is no longer the one that was signed.
Source: ISO/IEC 19566-5 (JUMBF); RFC 9052 (COSE); C2PA Technical Specification 2.4, sections 11, 13.2 and appendix A.3
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cbor2

from makar.kit.files import sha256_bytes

_UUID_END = bytes.fromhex("00110010800000aa00389b71")
_PLAIN, _SALTED = 3, 19  # a box can be asked for and has a label; the second has a salt as well
_START = b"jumb\0\0\0\x1ejumdc2pa" + _UUID_END
_UNPROTECTED = {"pad", "pad2", "sigTst", "sigTst2", "rVals"}
_REMAINS = re.compile(b"|".join((
    *(b"jumd" + re.escape(role + _UUID_END) for role in (b"c2ma", b"c2as", b"c2cl", b"c2cs")),
    rb"<c2pa:manifest>[A-Za-z0-9+/]{64}",
    rb"(?:\xef\xb8[\x80-\x8f]|\xf3\xa0[\x84-\x87][\x80-\xbf]){16,}")))  # a wrapper's invisible characters
_SCATTERED = ("image/gif",)  # where the store is cut into blocks that are not put together here
_SVG = re.compile(rb"<c2pa:manifest>([^<]*)</c2pa:manifest>")


@dataclass(frozen=True)
class Box:
    """One JUMBF box: its type, its content, and of a superbox its label and children."""

    kind: bytes
    content: bytes
    label: str = ""
    uuid: bytes = b""
    toggles: int = 0
    rest: bytes = b""
    children: tuple[Box, ...] = ()


def faults(store: bytes) -> Iterator[str]:
    """What in the store is not as it must be for a manifest to be held so, in words; of the newest manifest only."""
    try:
        boxes = _boxes(store)
    except ValueError as error:
        yield f"the manifest store is malformed: {error}"
        return
    if len(boxes) != 1 or boxes[0].kind != b"jumb":
        yield "the manifest store is not one box"
        return
    yield from _role(boxes[0], "c2pa", b"c2pa")
    manifests = boxes[0].children
    if not manifests or any(box.kind != b"jumb" for box in manifests):
        yield "the manifest store holds something else than manifests"
        return
    yield from _manifest(manifests[-1])


def frame_faults(media_type: str, data: bytes) -> Iterator[str]:
    """What is wrong with the part of a file that holds the store, in words; nothing where its form is not known."""
    check = _FRAMES.get(media_type)
    if check is not None:
        try:
            yield from check(data)
        except (ValueError, IndexError) as error:
            yield f"the part of the file that holds the signature is malformed: {error}"


def store_in(media_type: str, data: bytes) -> bytes | None:
    """The manifest store in a file, or None where it is not in one piece or not found."""
    if media_type == "image/svg+xml":
        found = _SVG.search(data)
        try:
            return base64.b64decode(found[1], validate=True) if found else None
        except binascii.Error:
            return None
    if media_type == "image/jpeg":
        return b"".join(part for _, part in _segments(data)) or None
    at = -1 if media_type in _SCATTERED else data.find(_START)
    if at < 4:
        return None
    size = int.from_bytes(data[at - 4:at], "big")
    return data[at - 4:at - 4 + size] if len(data) >= at - 4 + size else None


def has_remains(media_type: str, data: bytes) -> bool:
    """Whether bytes that only a C2PA signature leaves are there, readable or not."""
    return _REMAINS.search(data) is not None or (media_type == "image/svg+xml" and b"c2pa" in data)


def file_type(media_type: str, data: bytes) -> dict[str, str] | None:
    """What is signed of the box that an MP4 begins with, which C2PA's hash leaves out; None in other files.

    Source: ISO/IEC 14496-12, section 4.3; C2PA Technical Specification 2.4, appendix A.5
    """
    if media_type != "video/mp4":
        return None
    return {"sha256": sha256_bytes(data[:int.from_bytes(data[:4], "big")])}


def _boxes(data: bytes) -> tuple[Box, ...]:
    """Raises: ValueError"""
    found, at = list[Box](), 0
    while at < len(data):
        size, kind = int.from_bytes(data[at:at + 4], "big"), data[at + 4:at + 8]
        if size < 8 or at + size > len(data):
            raise ValueError("a box is longer than what holds it")
        found.append(_box(kind, data[at + 8:at + size]))
        at += size
    return tuple(found)


def _box(kind: bytes, content: bytes) -> Box:
    if kind != b"jumb":
        return Box(kind, content)
    children = _boxes(content)
    if not children or children[0].kind != b"jumd":
        raise ValueError("a box has no description")
    words = children[0].content
    label, ended, rest = words[17:].partition(b"\0")
    if not ended:
        raise ValueError("a box has no label")
    return Box(kind, content, label.decode("ascii", "replace"), words[:16], words[16], rest, children[1:])


def _role(box: Box, label: str, uuid: bytes) -> Iterator[str]:
    if box.label != label or box.uuid != uuid + _UUID_END or box.toggles != _PLAIN or box.rest:
        yield f"the box '{label}' of the manifest store was changed"


def _manifest(box: Box) -> Iterator[str]:
    if box.uuid != b"c2ma" + _UUID_END or box.toggles != _PLAIN or box.rest:
        yield "the box of the manifest was changed"
    roles = {"c2pa.assertions": b"c2as", "c2pa.claim.v2": b"c2cl", "c2pa.signature": b"c2cs",
             "c2pa.databoxes": b"c2db", "c2pa.credentials": b"c2vc"}
    for part in box.children:
        if part.label not in roles:
            yield f"the manifest holds a box that is not known: '{part.label}'"
            continue
        yield from _role(part, part.label, roles[part.label])
        if part.label == "c2pa.assertions":
            yield from (f"the box of the assertion '{one.label}' was changed" for one in part.children
                        if one.kind != b"jumb" or one.toggles not in (_PLAIN, _SALTED))
        if part.label in ("c2pa.claim.v2", "c2pa.signature") and [one.kind for one in part.children] != [b"cbor"]:
            yield f"the box '{part.label}' holds something else than it should"
        elif part.label == "c2pa.signature":
            yield from _signature(part.children[0].content)


def _signature(data: bytes) -> Iterator[str]:
    try:
        signed = cbor2.loads(data)
        same = cbor2.dumps(signed) == data
        _, unprotected, payload, _ = signed.value
        known = set(unprotected) <= _UNPROTECTED
        filled = any(any(unprotected.get(name, b"")) for name in ("pad", "pad2"))
    except (cbor2.CBORError, ValueError, TypeError, AttributeError):
        same = known = False
        filled, payload = True, None
    if not same or not known or filled or payload is not None or signed.tag != 18:
        yield "the padding or the frame of the signature was changed"


def _png(data: bytes) -> Iterator[str]:
    at, num_stores = 8, 0
    while at < len(data):
        size, kind = int.from_bytes(data[at:at + 4], "big"), data[at + 4:at + 8]
        body, said = data[at + 4:at + 8 + size], data[at + 8 + size:at + 12 + size]
        if len(said) < 4 or zlib.crc32(body) != int.from_bytes(said, "big"):
            yield f"the PNG chunk '{kind.decode('latin-1')}' does not fit its check sum"
            return
        num_stores += kind == b"caBX"
        at += 12 + size
    if num_stores != 1:
        yield f"the PNG has {num_stores} chunks for signatures, not one"


def _riff(data: bytes) -> Iterator[str]:
    store = store_in("image/webp", data) or b""
    at = data.find(store) - 8
    frame = b"C2PA" + len(store).to_bytes(4, "little")
    if not store or data[at:at + 8] != frame or any(data[at + 8 + len(store):at + 8 + len(store) + len(store) % 2]):
        yield "the chunk that holds the signature was changed"


def _mp4(data: bytes) -> Iterator[str]:
    at = data.find(_START) - 4  # before the store: version and flags, purpose, place of a Merkle box that is not there
    whole = bytes(4) + b"manifest\0" + bytes(8)
    if store_in("video/mp4", data) is None or data[max(0, at - 21):at] != whole:
        yield "the box that holds the signature was changed"


def _svg(data: bytes) -> Iterator[str]:
    found = _SVG.findall(data)
    store = store_in("image/svg+xml", data)
    if len(found) != 1 or store is None or base64.b64encode(store) != found[0]:
        yield "the element that holds the signature was changed"


def _jpeg(data: bytes) -> Iterator[str]:
    store = store_in("image/jpeg", data) or b""
    written = [data[start:end] for (start, end), _ in _segments(data)]
    heads = [b"JP\x02\x11" + number.to_bytes(4, "big") + store[:8] for number in range(1, len(written) + 1)]
    if not written or any(one[4:20] != head for one, head in zip(written, heads, strict=True)):
        yield "the segments that hold the signature were changed"


def _segments(data: bytes) -> Iterator[tuple[tuple[int, int], bytes]]:
    """Each APP11 segment that holds a part of the store: its place in a JPEG, and the part."""
    at, first = 2, True
    while data[at:at + 1] == b"\xff" and data[at + 1] != 0xDA:
        size = int.from_bytes(data[at + 2:at + 4], "big")
        body = data[at + 4:at + 2 + size]
        if data[at + 1] == 0xEB and body[:2] == b"JP":
            yield (at, at + 2 + size), body[8:] if first else body[16:]
            first = False
        at += 2 + size


_FRAMES: dict[str, Callable[[bytes], Iterator[str]]] = {
    "image/png": _png, "image/jpeg": _jpeg, "image/webp": _riff, "audio/wav": _riff, "image/svg+xml": _svg,
    "video/mp4": _mp4}
