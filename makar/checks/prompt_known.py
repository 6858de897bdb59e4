"""The prompt asks for what the model knows: its nearest concepts among those of the training data are near enough.

How near is measured before anything is drawn, and comes with what was asked as `nearness`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from makar.verdict import Check, Subject, Verdict


def _run(subject: Subject) -> Verdict:
    found: Mapping[str, Any] = subject.asked["nearness"]
    score, least, concepts = float(found["score_frac"]), float(found["least_frac"]), ", ".join(found["concepts"])
    if score < least:
        return Verdict("prompt_known", False, score, f"outside of what the model knows ({score:.2f} of 1, {least:.2f} "
                       f"are needed); the nearest that it knows: {concepts}")
    return Verdict("prompt_known", True, score, f"near to what the model knows ({score:.2f} of 1): {concepts}")


CHECK = Check("prompt_known", _run, ("image/",), asked="nearness")
