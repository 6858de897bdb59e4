"""A picture that can be read and shows something: not nothing, not one colour all over, not noise, not a veil.

The limits lie beyond every one of 5,350 drawings of the 34 sources that the default model learns from.
"""

from __future__ import annotations

import numpy as np

from makar.codecs.picture import Pixels, resized
from makar.codecs.vector import pixels_of
from makar.kit.errors import BadInput
from makar.verdict import Check, Subject, Verdict

LEAST_PAINTED_FRAC = 0.005
LEAST_SPREAD = 3.0  # of 255, among the colours of a picture that is painted all over
MOST_HALF_OPEN_FRAC = 0.95  # of what is painted; the drawings come to 0.93
MOST_ROUGH = 0.9  # the step from pixel to pixel over the spread of all; pure noise has 1.13, the drawings up to 0.81
_SIDE_PX = 64


def _run(subject: Subject) -> Verdict:
    try:
        pixels = pixels_of(subject.data)
    except BadInput as error:
        return Verdict("blank_picture", False, 0.0, f"{error}")
    fault = _fault(pixels)
    return Verdict("blank_picture", not fault, 0.0 if fault else 1.0, fault or "it shows something")


def _fault(pixels: Pixels) -> str:
    opacity = pixels[..., 3]
    painted = opacity > 8
    if painted.mean() < LEAST_PAINTED_FRAC:
        return "it is blank: nothing is painted"
    if painted.all() and pixels[..., :3].reshape(-1, 3).std(0).max() < LEAST_SPREAD:
        return "it is blank: one colour all over"
    half_open = ((opacity > 24) & (opacity < 232)).sum() / painted.sum()
    if half_open > MOST_HALF_OPEN_FRAC or opacity.max() < 128:
        return f"its opacity is broken: {max(half_open, float(opacity.max() < 128)):.0%} of it is half open"
    rough = _roughness(pixels)
    if rough > MOST_ROUGH:
        return f"it is noise: neighbouring pixels differ {rough:.2f} times as much as all do"
    return ""


def _roughness(pixels: Pixels) -> float:
    if max(pixels.shape[:2]) > _SIDE_PX and pixels.shape[0] == pixels.shape[1]:
        pixels = resized(pixels, _SIDE_PX)  # an enlarged picture is smooth however rough it was
    values = pixels.astype(np.float32) / 255
    values[..., :3] *= values[..., 3:]
    steps = sum(np.abs(np.diff(values, axis=axis)).mean((0, 1)).sum() for axis in (0, 1)) / 2
    return float(steps / max(values.std((0, 1)).sum(), 1e-6))


CHECK = Check("blank_picture", _run, ("image/",), limit_s=20.0)
