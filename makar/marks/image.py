"""The mark of pictures: keyed waves in their brightness, too faint to be seen, found again without the original.

It survives what keeps the picture: JPEG and WebP, noise, other brightness and contrast, enlarging, reducing, cutting,
lying on another background. What turns, mirrors, bends or repaints it destroys the mark. How much it survives grows
with the number of visible pixels; 32 pixels are too few for anything but the file as it left.

Source: Cox et al. 1997, Secure spread spectrum watermarking for multimedia, IEEE Trans. Image Proc. 6 (the mark is
noise-like and spread over many waves); Kutter 1998, Watermarking resisting to translation, rotation, and scaling,
Proc. SPIE 3528 (a tile that repeats); O'Ruanaidh and Pun 1998, Signal Processing 66 (a template to synchronise by)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from makar.codecs.picture import glance
from makar.kit.config import canonical
from makar.kit.errors import BadInput
from makar.kit.files import sha256_bytes
from makar.marks.alignment import Alignment, best_alignment, plane, polished
from makar.marks.finding import Finding
from makar.marks.key import MarkKey
from makar.marks.key import keys as all_keys
from makar.marks.kinds import Mark
from makar.marks.pictures import Picture, cut_out
from makar.marks.reading import payload_in
from makar.marks.strength import added
from makar.marks.waves import PAYLOAD_BITS, SCHEME, pattern, waves_of

LEAST_PSNR_DB = 42.0
THRESHOLD = 1e-4
"""A picture is said to carry a mark where at most this share of unmarked pictures would seem to."""
MOST_DOUBT = 1e-3
"""A payload is read where the chance that it is another is at most this."""
ENOUGH_PX = 128 * 128
"""With fewer visible pixels than this, finding nothing says nothing."""
_SLACK_DB = 0.1


def payload_of(request: Any, index: int) -> int:
    """The 32 bits that a work carries: the first of the hash of what was asked and which candidate it is."""
    return int(sha256_bytes(f"{canonical(request)} {index}".encode())[:PAYLOAD_BITS // 4], 16)


def statement(key_id: str, payload: int) -> dict[str, str]:
    """What a record says of the mark of a picture."""
    return {"scheme": SCHEME, "key": key_id, "payload": written(payload)}


def written(payload: int) -> str:
    """A payload as records have it."""
    return f"{payload:0{PAYLOAD_BITS // 4}x}"


def embed(rgba: Picture, key: MarkKey, payload: int) -> Picture:
    """The picture with the key's mark, 42 dB from it over the visible pixels; transparency and what it hides stay.

    Shapes: (H, W, 4) -> (H, W, 4)
    Raises: BadInput (no such picture, no such payload)
    """
    if rgba.ndim != 3 or rgba.shape[2] != 4 or rgba.dtype != np.uint8:
        raise BadInput(f"a picture to mark has shape (height, width, 4) and type uint8; got {rgba.shape}, {rgba.dtype}")
    if not 0 <= payload < 1 << PAYLOAD_BITS:
        raise BadInput(f"the payload of an image mark has {PAYLOAD_BITS} bits; got {payload}")
    marked = np.ascontiguousarray(rgba).reshape(-1, 4).copy()
    seen = np.flatnonzero(marked[:, 3])
    if len(seen):
        drawn = pattern(waves_of(key).carrying(payload), rgba.shape[:2]).ravel()[seen] * (marked[seen, 3] / 255)
        colours = marked[seen, :3].astype(np.float64)
        marked[seen, :3] = added(colours, drawn, 255**2 / 10**((LEAST_PSNR_DB + _SLACK_DB) / 10))
    return marked.reshape(rgba.shape)


def psnr_db(before: Picture, after: Picture) -> float:
    """How near the visible colours of two pictures are. Shapes: (H, W, 4) each"""
    seen = before[..., 3] > 0
    error = ((before[seen][:, :3].astype(np.float64) - after[seen][:, :3])**2).mean() if seen.any() else 0.0
    return float(10 * np.log10(255**2 / max(1e-10, error)))


def detect(data: bytes, *, keys: Sequence[MarkKey] | None = None, threshold: float = THRESHOLD) -> Finding:
    """Whether the picture of an image file carries the mark of one of the keys, and which payload.

    keys: None is every key on this machine, rotated ones too
    Raises: Damaged (a key that cannot be read)
    """
    looked = all_keys() if keys is None else list(keys)
    if not looked:
        return Finding(None, 1.0, "nothing was marked on this machine, so there is no key to look with", SCHEME)
    picture = glance(data)
    if picture is None:
        return Finding(None, 1.0, "no picture that can be looked through for a mark", SCHEME)
    return detect_in(np.asarray(picture), looked, threshold)


def detect_in(rgba: Picture, keys: Sequence[MarkKey], threshold: float = THRESHOLD) -> Finding:
    """As `detect`, of a picture's pixels: as it is and, if that says too little, without the ground that it lies on.

    Shapes: (H, W, 4)
    """
    alone = cut_out(rgba)
    num_tests = len(keys) * (1 if alone is None else 2)
    looks = [_look(rgba, keys, num_tests, threshold)]
    if alone is not None and looks[0].doubt > MOST_DOUBT:
        looks.append(_look(alone, keys, num_tests, threshold))
    doubt, p, found, key, payload = min(looks, key=lambda look: look[:2])
    if p > threshold:
        return _not_found(p, int((rgba[..., 3] > 0).sum()))
    read = written(payload) if doubt <= MOST_DOUBT else None
    carried = f"payload {read}" if read else "its payload cannot be read"
    return Finding(True, p, f"carries the mark of key {key.id} (p = {p:.1g}{_shape(found)}), {carried}", SCHEME, key.id,
                   payload=read)


class _Look(NamedTuple):
    """What one look at a picture says. doubt: the chance that the payload is another; 1 where no mark was found"""

    doubt: float
    p_value: float
    found: Alignment
    key: MarkKey
    payload: int


def _look(rgba: Picture, keys: Sequence[MarkKey], num_tests: int, threshold: float) -> _Look:
    """For the likeliest key; the p-value has in it that so many were made. Shapes: (H, W, 4)"""
    seen = plane(rgba)
    found, key = min(((best_alignment(waves_of(key), seen), key) for key in keys), key=lambda one: one[0].p_value)
    p = min(1.0, found.p_value * num_tests)
    if p > threshold:
        return _Look(1.0, p, found, key, 0)
    payload, doubt = payload_in(waves_of(key), seen, polished(waves_of(key), seen, found))
    return _Look(doubt, p, found, key, payload)


def _not_found(p: float, num_px: int) -> Finding:
    if num_px < ENOUGH_PX:
        return Finding(None, p, f"too small to tell: {num_px:,} visible pixels, {ENOUGH_PX:,} are needed", SCHEME)
    return Finding(False, p, f"no mark found in {num_px:,} visible pixels, which does not mean that a person drew them",
                   SCHEME)


def _shape(found: Alignment) -> str:
    enlarged = "" if abs(found.scale - 1) < 0.004 else f", at {found.scale:.2f} of its size"
    return enlarged + (", cut" if (found.down_px, found.across_px) != (0.0, 0.0) else "")


MARK = Mark(scheme=SCHEME, detect=detect)
