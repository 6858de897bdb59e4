"""A signature inside a text: C2PA's wrapper of invisible characters, which stays when the text is copied.

The wrapper is U+FEFF and one variation selector for each byte of a header and the manifest store. Where a text has
comments that end with their line it stands in one, so that code keeps running; JSON has no place for it. The manifest
binds the text without the wrapper, in Unicode's normal form C, and says where the wrapper stands.
Source: C2PA Technical Specification 2.4, appendix A.8
"""

from __future__ import annotations

import base64
import hashlib
import re
import struct
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from makar.kit.errors import BadInput
from makar.provenance.credentials.media import Media

MAGIC, VERSION = b"C2PATXT\0", 1
_HEAD = struct.Struct(">8sBI")
_WRAPPER = re.compile(f"\ufeff([\ufe00-\ufe0f\U000e0100-\U000e01ef]{{{_HEAD.size},}})")
_ANY_WRAPPER = re.compile("\ufeff?[\ufe00-\ufe0f\U000e0100-\U000e01ef]{8,}")
_MOST_TURNS = 6


@dataclass(frozen=True)
class Wrapped:
    """A text with a wrapper in it.

    normal: the bytes of the whole in normal form C; start, length: the wrapper's bytes in it
    plain: the text as it was before, with the comment that holds the wrapper
    """

    normal: bytes
    start: int
    length: int
    store: bytes
    plain: str


def embed(data: bytes, media: Media, seal: Callable[[bytes, dict[str, Any]], bytes]) -> bytes:
    """`data` with its own signature at its end. `seal(bytes that are hashed, binding)` makes a manifest store.

    Raises: BadInput (no text, or one that cannot hold it)
    """
    text = _host(data, media)
    lead = "" if media.comment is None else f"{'' if text.endswith(chr(10)) or not text else chr(10)}{media.comment} "
    host = text + lead
    tail = "" if media.comment is None else "\n"
    hashed = (host + tail).encode()
    start, length = len(host.encode()), 0
    for _ in range(_MOST_TURNS):  # the manifest says how long the wrapper is, whose length depends on the manifest
        store = seal(hashed, _binding(hashed, start, length))
        written = _spell(store, length)
        if len(written.encode()) == length:
            return (host + written + tail).encode()
        length = _longest(len(store))
    raise BadInput("the signature did not come to rest in this text; leave it beside the file instead")


def find(text: str) -> Wrapped | None:
    """The wrapper in a text, or None where there is none.

    Raises: BadInput (more than one, cut short, or of a version that is not known)
    """
    normal = unicodedata.normalize("NFC", text)
    found = list(_WRAPPER.finditer(normal))
    if not found:
        return None
    if len(found) > 1:
        raise BadInput("the text holds more than one C2PA wrapper, of which only one can be its own")
    raw = bytes(_byte_of(char) for char in found[0][1])
    magic, version, size = _HEAD.unpack(raw[:_HEAD.size])
    if magic != MAGIC:
        return None
    if version != VERSION:
        raise BadInput(f"the text's C2PA wrapper has version {version}; version {VERSION} is known here")
    if len(raw) < _HEAD.size + size:
        raise BadInput(f"the text's C2PA wrapper is cut short: {len(raw) - _HEAD.size} of {size} bytes are there")
    before = len(normal[:found[0].start()].encode())
    return Wrapped(normal.encode(), before, len(found[0][0].encode()), raw[_HEAD.size:_HEAD.size + size],
                   normal[:found[0].start()] + normal[found[0].end():])


def without(text: str | None) -> str | None:
    """The text without the invisible characters of wrappers, whole or not."""
    return None if text is None else _ANY_WRAPPER.sub("", text)


def is_bound(wrapped: Wrapped, binding: dict[str, Any]) -> bool:
    """Whether the manifest's hash is that of this text, with exactly the wrapper left out of it."""
    outside = wrapped.normal[:wrapped.start] + wrapped.normal[wrapped.start + wrapped.length:]
    left_out = [(part.get("start"), part.get("length")) for part in binding.get("exclusions", ())]
    said = binding.get("hash")
    same = base64.b64encode(hashlib.sha256(outside).digest()).decode()
    return binding.get("alg") == "sha256" and said == same and left_out == [(wrapped.start, wrapped.length)]


def is_exact(wrapped: Wrapped) -> bool:
    """Whether the wrapper is spelled just as `embed` would have spelled it."""
    spelled = wrapped.normal[wrapped.start:wrapped.start + wrapped.length].decode()
    return spelled == _spell(wrapped.store, wrapped.length)


def _host(data: bytes, media: Media) -> str:
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise BadInput("only a text in UTF-8 can hold its own signature") from error
    if media.media_type.endswith(("/json", "+json")):
        raise BadInput("JSON has no place for a signature that any JSON reader would skip; sign it beside the file "
                       f"instead, which is what happens without --embed ({media.media_type})")
    if not media.text or (media.comment is None and media.media_type not in ("text/plain", "text/markdown")):
        raise BadInput(f"how {media.media_type} could hold invisible characters and mean the same is not known; sign "
                       "it beside the file instead, which is what happens without --embed")
    if unicodedata.normalize("NFC", text) != text:
        raise BadInput("the text is not in Unicode's normal form C, in which C2PA binds texts; sign it beside the file "
                       "instead, which is what happens without --embed")
    if find(text) is not None:
        raise BadInput("the text holds a C2PA wrapper already")
    return text


def _binding(hashed: bytes, start: int, length: int) -> dict[str, Any]:
    return {"label": "c2pa.hash.data", "data": {
        "exclusions": [{"start": start, "length": length}], "name": "C2PA text wrapper", "alg": "sha256",
        "hash": list(hashlib.sha256(hashed).digest()), "pad": []}}


def _spell(store: bytes, length: int) -> str:
    """The wrapper of a store, filled up to `length` bytes in UTF-8 where it is shorter."""
    written = "\ufeff" + "".join(_char_of(byte) for byte in _HEAD.pack(MAGIC, VERSION, len(store)) + store)
    gap = length - len(written.encode())
    fours = next((fours for fours in range(max(gap, 0) // 4, -1, -1) if gap >= 0 and (gap - 4 * fours) % 3 == 0), None)
    if gap <= 0 or fours is None:
        return written
    return written + _char_of(0) * ((gap - 4 * fours) // 3) + _char_of(0xFF) * fours


def _longest(num_bytes: int) -> int:
    """The most bytes that a wrapper can take; 6 more, so that any gap can be filled with threes and fours."""
    return 3 + 4 * (_HEAD.size + num_bytes) + 6


def _char_of(byte: int) -> str:
    return chr(0xFE00 + byte) if byte < 16 else chr(0xE0100 + byte - 16)


def _byte_of(char: str) -> int:
    code = ord(char)
    return code - 0xFE00 if code < 0xE0100 else code - 0xE0100 + 16
