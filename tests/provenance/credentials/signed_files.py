"""Small files of every kind that can be signed, and a manifest to sign them with."""

from __future__ import annotations

import io
import struct
import wave
from typing import Any

import numpy as np
from PIL import Image

from makar.provenance.credentials.media import HEAD_BYTES, media_of, media_of_type
from makar.provenance.credentials.read import Signature, read


def picture(form: str, seed: int = 1) -> bytes:
    """A small picture of smooth shapes."""
    grid = np.linspace(0, 6, 48)
    waves = np.random.default_rng(seed).normal(size=(3, 2))
    planes = [127 + 120 * np.sin(grid[:, None] * a + grid[None, :] * b) for a, b in waves]
    out = io.BytesIO()
    Image.fromarray(np.stack(planes, axis=2).astype(np.uint8)).save(out, form)
    return out.getvalue()


def sound() -> bytes:
    """A tenth of a second of silence."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(1600))
    return out.getvalue()


def box(kind: bytes, *parts: bytes) -> bytes:
    """A box of ISO 14496-12, section 4.2."""
    body = b"".join(parts)
    return struct.pack(">I", 8 + len(body)) + kind + body


def film() -> bytes:
    """An MP4 of one second: one frame of motion JPEG. Source: ISO 14496-12, section 8"""
    frame, name = picture("JPEG"), box(b"ftyp", b"isom", bytes(4), b"isommp42")
    matrix = struct.pack(">9I", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    head = box(b"mvhd", struct.pack(">5IIH10x", 0, 0, 0, 1000, 1000, 1 << 16, 1 << 8), matrix, bytes(24),
               struct.pack(">I", 2))
    track = box(b"tkhd", struct.pack(">6I8x4H", 7, 0, 0, 1, 0, 1000, 0, 0, 0, 0), matrix,
                struct.pack(">2I", 48 << 16, 48 << 16))
    look_of = box(b"jpeg", bytes(6), struct.pack(">H16x2H2I4xH", 1, 48, 48, 72 << 16, 72 << 16, 1), bytes(32),
                  struct.pack(">Hh", 24, -1))
    reference = box(b"dinf", box(b"dref", struct.pack(">2I", 0, 1), box(b"url ", struct.pack(">I", 1))))

    def tables(at: int) -> bytes:
        return box(b"stbl", box(b"stsd", struct.pack(">2I", 0, 1), look_of),
                   box(b"stts", struct.pack(">4I", 0, 1, 1, 1000)), box(b"stsc", struct.pack(">5I", 0, 1, 1, 1, 1)),
                   box(b"stsz", struct.pack(">4I", 0, 0, 1, len(frame))), box(b"stco", struct.pack(">3I", 0, 1, at)))

    def movie(at: int) -> bytes:
        media = box(b"mdia", box(b"mdhd", struct.pack(">5I2H", 0, 0, 0, 1000, 1000, 0x55C4, 0)),
                    box(b"hdlr", struct.pack(">2I4s13x", 0, 0, b"vide")),
                    box(b"minf", box(b"vmhd", struct.pack(">I8x", 1)), reference, tables(at)))
        return box(b"moov", head, box(b"trak", track, media))

    return name + movie(len(name) + len(movie(0)) + 8) + box(b"mdat", frame)


WORDS = b"Above the harbour a lantern swings, and nobody knows who lit it.\n" * 4
FILES = {
    "image/png": picture("PNG"),
    "image/jpeg": picture("JPEG"),
    "image/webp": picture("WEBP"),
    "image/svg+xml": b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="4" height="4"/></svg>',
    "audio/wav": sound(),
    "audio/mpeg": (b"\xff\xfb\x90\x00" + bytes(413)) * 4,
    "video/mp4": film(),
    "text/plain": WORDS,
    "text/markdown": b"# Lantern\n\n" + WORDS,
    "text/x-python": b"def light(n):\n    return n + 1\n\n\nANSWER = light(41)\n",
    "application/json": b'{"lantern": [1, 2.5, null], "lit": true}\n',
    "audio/midi": b"MThd\0\0\0\6\0\0\0\1\0\x60MTrk\0\0\0\4\0\xff\x2f\0",
}


def manifest(**changes: Any) -> dict[str, Any]:
    """As much of a work's manifest as signing looks at."""
    return {"form": 2, "work": "01a0", "checkpoint": {"name": "tiny", "sha256": "0" * 64, "training_data": "none"},
            "trace": {"training_data": "none", "corpus_root": None, "compared_with": []}, "software": {"makar": "0.1"},
            "review": None, "masked": False, "seconds": 0.123457, "seed": 2**40, **changes}


def look(media_type: str, data: bytes, sidecar: bytes | None = None) -> Signature:
    """The signature that is read in a file of that kind, its text too where it has one."""
    media = media_of_type(media_type)
    found = media_of(f"work{(media.suffixes or ('',))[0]}", data[:HEAD_BYTES])
    try:
        text = data.decode() if found.text else None
    except UnicodeDecodeError:
        text = None
    return read(io.BytesIO(data), found, sidecar, text=text)

