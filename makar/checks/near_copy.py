"""No near-copy of a picture that is indexed: of what the model learned from, or of pictures that a policy names.

The verdict names the nearest picture, its licence and whom to credit, whether it is a near-copy or not.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from makar.codecs.vector import pixels_of
from makar.kit.errors import Damaged
from makar.tracing.pictures import NEAR_BITS, NEAR_COLOUR, Neighbour, PictureIndex, open_pictures
from makar.verdict import Check, Subject, Verdict


def _run(subject: Subject) -> Verdict:
    asked: Mapping[str, Any] = subject.asked["near_copy"]
    indexes = [_opened(path, Path(path).stat().st_mtime_ns) for path in asked["indexes"]]
    if list(asked["roots"]) != [index.root for index in indexes]:
        raise Damaged("an index that it compares with is no longer the one that was asked for")
    pixels = pixels_of(subject.data)
    nearest = [found for index in indexes for found in index.nearest(pixels)]
    if not nearest:
        return Verdict("near_copy", True, 1.0, f"nothing indexed is near ({sum(map(len, indexes)):,} pictures)")
    first = min(nearest, key=_distance)
    score = min(1.0, _distance(first) / 4)
    if first.is_copy:
        return Verdict("near_copy", False, score, f"a near-copy of {named(first)}")
    return Verdict("near_copy", True, score,
                   f"no near-copy of {sum(map(len, indexes)):,} indexed pictures; the nearest is {named(first)}")


def named(found: Neighbour) -> str:
    """The neighbour in words."""
    told = found.told
    credit = f", by {told.credit}" if told.credit else ""
    mirrored = "mirrored; " if found.mirrored else ""
    return (f"{told.source}/{told.id} ({told.licence}{credit}; {mirrored}{found.num_bits} of 256 waves and "
            f"{found.colour:.1f} of 255 in colour apart)")


def _distance(found: Neighbour) -> float:
    """1 at the limit of what is a near-copy."""
    return max(found.num_bits / NEAR_BITS, found.colour / NEAR_COLOUR)


@functools.lru_cache(maxsize=8)
def _opened(path: str, written: int) -> PictureIndex:
    """The index, opened once for as long as it is the same; `written` tells a new one apart."""
    return open_pictures(Path(path))


def settings(paths: list[Path]) -> dict[str, Any]:
    """The indexes as the check is asked, each opened once to see that it is there.

    Raises: NotHere, Damaged
    """
    indexes = [_opened(str(path.resolve()), path.stat().st_mtime_ns if path.exists() else 0) for path in paths]
    return {"indexes": [str(path.resolve()) for path in paths], "roots": [index.root for index in indexes]}


CHECK = Check("near_copy", _run, ("image/",), asked="near_copy", limit_s=30.0)
