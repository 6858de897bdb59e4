"""Small files of every kind that can be signed, and a manifest to sign them with."""

from __future__ import annotations

import io
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


WORDS = b"Above the harbour a lantern swings, and nobody knows who lit it.\n" * 4
FILES = {
    "image/png": picture("PNG"),
    "image/jpeg": picture("JPEG"),
    "image/webp": picture("WEBP"),
    "image/svg+xml": b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="4" height="4"/></svg>',
    "audio/wav": sound(),
    "audio/mpeg": (b"\xff\xfb\x90\x00" + bytes(413)) * 4,
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

