"""What a picture may be asked for by: its concept, with its colour, with its keywords, by a keyword."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from makar.curation.pictures.drawing import Drawing
from makar.kit.files import sha256_bytes

MOST_PHRASES = 4
MOST_CHARS = 60
COLOURS = {"black": (15, 15, 15), "white": (245, 245, 245), "grey": (128, 128, 128), "red": (215, 40, 45),
           "orange": (240, 140, 40), "yellow": (250, 215, 70), "green": (70, 165, 75), "blue": (60, 120, 215),
           "purple": (140, 75, 185), "pink": (245, 150, 190), "brown": (125, 80, 45), "blond": (225, 195, 130)}
_MOST_FRAC = 0.55
_CHOSEN_FROM = tuple(name for name in COLOURS if name != "blond")


def phrases(drawing: Drawing, pixels: NDArray[np.uint8]) -> tuple[str, ...]:
    """One to four phrases, the plainest first; which keywords are chosen follows from the picture's name.

    Shapes: pixels (H, W, 4)
    """
    concept = _clean(drawing.concept)
    colour = dominant(pixels)
    found = [concept]
    if colour and not re.search(rf"\b({'|'.join(COLOURS)})\b", concept):
        found.append(f"{colour} {concept}")
    order = sorted({_clean(word) for word in drawing.keywords} - {concept, ""},
                   key=lambda word: sha256_bytes(f"{drawing.name} {word}".encode()))
    if order:
        found += [f"{concept}, {', '.join(order[:2])}", order[0]]
    return tuple(dict.fromkeys(phrase[:MOST_CHARS].rstrip(" ,") for phrase in found))[:MOST_PHRASES]


def dominant(pixels: NDArray[np.uint8]) -> str:
    """The colour of more than half of what is painted, or nothing.

    Shapes: pixels (H, W, 4)
    """
    painted = pixels[pixels[..., 3] > 127][:, :3].astype(np.int32)
    if not len(painted):
        return ""
    table = np.asarray([COLOURS[name] for name in _CHOSEN_FROM])
    nearest = ((painted[:, None] - table) ** 2).sum(-1).argmin(1)
    counts = np.bincount(nearest, minlength=len(table))
    best = int(counts.argmax())
    return _CHOSEN_FROM[best] if counts[best] > _MOST_FRAC * len(painted) else ""


def named(code: str) -> str:
    """The nearest colour word for `#rrggbb`."""
    wanted = [int(code[at:at + 2], 16) for at in (1, 3, 5)]
    return min(COLOURS, key=lambda name: sum((a - b) ** 2 for a, b in zip(COLOURS[name], wanted, strict=True)))


def _clean(text: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"[^\w\s,:'&-]", " ", text.lower())).strip(" ,:-")
