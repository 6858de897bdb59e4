"""What is left of picture marks after JPEG for a detector that may look at the unmarked picture: the most that a better
one could read at each size, other things equal.

    python benchmarks/known_original.py pictures.tar [--num-pictures 60]

The unmarked picture goes through the same JPEG and is taken away: the mark and what JPEG did to it are left.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from makar.codecs.picture import glance
from makar.evaluate.picture_marks import key_of
from makar.evaluate.picture_marks.attacks import jpeg
from makar.evaluate.picture_marks.pictures import SIZES_PX, pictures, sized
from makar.marks.alignment import Plane, best_alignment
from makar.marks.image import MOST_DOUBT, THRESHOLD, Picture, detect_in, embed, written
from makar.marks.pictures import LUMA
from makar.marks.reading import payload_in
from makar.marks.waves import waves_of

QUALITIES = (75, 50)


def seen_after(rgba: Picture, quality: int) -> Picture:
    """The picture on white, after JPEG. Shapes: (H, W, 4) -> (H, W, 4)"""
    return np.asarray(glance(jpeg(rgba, np.random.default_rng(0), quality)))


def looked_at(rgba: Picture, number: int, quality: int) -> tuple[bool, ...]:
    """Whether the mark is found and its payload read: knowing the unmarked picture, and as verification does."""
    key, payload = key_of(number), number * 2_654_435_761 % 2**32
    after = seen_after(embed(rgba, key, payload), quality)
    left = (after[..., :3] @ LUMA - seen_after(rgba, quality)[..., :3] @ LUMA) * (rgba[..., 3] > 0)
    known = Plane(left, 0, 0)
    best = best_alignment(waves_of(key), known)
    read, doubt = payload_in(waves_of(key), known, best)
    found, blind = best.p_value <= THRESHOLD, detect_in(after, [key])
    right = found and doubt <= MOST_DOUBT and read == payload
    return found, right, bool(blind.found), blind.payload == written(payload)


def main() -> None:
    """A line for each size and quality."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("--num-pictures", type=int, default=60)
    asked = parser.parse_args()
    chosen = pictures(asked.pictures)[:asked.num_pictures]
    for size_px in SIZES_PX[:-2]:  # the larger ones are read without it
        for quality in QUALITIES:
            looks = [looked_at(sized(rgba, size_px), number, quality) for number, rgba in enumerate(chosen)]
            hits = np.sum(looks, axis=0)
            print(f"{size_px} px, JPEG {quality}, of {len(chosen)}: with the unmarked picture found {hits[0]}, read "
                  f"{hits[1]}; without it found {hits[2]}, read {hits[3]}", flush=True)


if __name__ == "__main__":
    main()
