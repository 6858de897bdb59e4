"""Makes docs/pictures.png anew: twelve prompts, each drawn by the model that comes with Makar, on one sheet."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

import makar
from makar.codecs.picture import read_picture
from makar.train.pictures.sheet import contact_sheet, on_chequers, png

PROMPTS = (
    ("a red dragon", "pixel"), ("a green potion", "pixel"), ("a sword", "pixel"), ("a smiling face", "flat"),
    ("a red apple", "flat"), ("a yellow star", "flat"), ("a blue fish", "flat"), ("a heart", "glossy"),
    ("the flag of france", "flat"), ("a cup of coffee", "flat"), ("a person with black hair", "avatar"),
    ("a green tree", "flat"),
)


def main() -> int:
    """Draws and writes; every prompt with the same seed, none picked by hand."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default=None)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--size", type=int, default=128)
    args = parser.parse_args()
    drawn = []
    for prompt, style in PROMPTS:
        work = makar.image(prompt, style=style, seed=args.seed, size=args.size, model=args.model)
        assert isinstance(work, makar.Released)
        drawn.append(read_picture(work.data))
        print(f"{prompt} ({style}): {work.id}", file=sys.stderr)
    sheet = on_chequers(contact_sheet(np.stack(drawn), num_columns=6))
    Path(__file__).with_suffix(".png").write_bytes(png(sheet))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
