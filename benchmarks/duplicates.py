"""Near-duplicate removal beside rensa and datasketch: texts in, indices of duplicates out, one thread, 128 places.

    pip install rensa datasketch && python benchmarks/duplicates.py [--documents 100000] [--rounds 3]

Documents are random words of a Zipf-like vocabulary (median about 200); a tenth are copies of another with 2% of their
words replaced. Every contestant is given the same texts and makes runs of three words of them in its own way. rensa and
datasketch are used as their own documentation does it, with the bands that find a pair at 0.7.
"""

from __future__ import annotations

import argparse
import os
import random
from collections.abc import Callable, Sequence

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy loads its threads

from datasketch import MinHash, MinHashLSH
from rensa import RMinHash, RMinHashLSH
from trial import contest, machine

from makar.curation.duplicates import DuplicatesConfig, bands_of, near_duplicates
from makar.curation.minhash import NUM_BINS, signatures

SHINGLE_WORDS, THRESHOLD, EDITED_FRAC = 3, 0.7, 0.02
Found = set[int]


def documents(num: int, seed: int = 1) -> tuple[list[str], Found]:
    """Texts, and which of them are edited copies of an earlier one."""
    rng = random.Random(seed)
    vocabulary = [f"word{index}" for index in range(30_000)]
    weights = [1 / (index + 10) for index in range(len(vocabulary))]
    num_new = num - num // 10
    texts = [" ".join(rng.choices(vocabulary, weights, k=rng.randrange(100, 300))) for _ in range(num_new)]
    for _ in range(num - num_new):
        words = texts[rng.randrange(num_new)].split()
        for place in rng.sample(range(len(words)), round(EDITED_FRAC * len(words))):
            words[place] = rng.choice(vocabulary)
        texts.append(" ".join(words))
    return texts, set(range(num_new, num))


def ours(texts: Sequence[str]) -> Found:
    """By Makar."""
    rows = signatures(texts, shingle_words=SHINGLE_WORDS)
    twins, _ = near_duplicates(rows, DuplicatesConfig(THRESHOLD, SHINGLE_WORDS))
    return {index for index, twin in enumerate(twins.tolist()) if twin >= 0}


def runs_of(text: str) -> list[str]:
    """Runs of three words, as the peers need them."""
    words = text.split()
    return [" ".join(words[start:start + SHINGLE_WORDS]) for start in range(len(words) - SHINGLE_WORDS + 1)]


def rensa(texts: Sequence[str]) -> Found:
    """By rensa: what an index of those before says is similar is a duplicate."""
    bands, _ = bands_of(THRESHOLD)
    index = RMinHashLSH(threshold=THRESHOLD, num_perm=NUM_BINS, num_bands=bands)
    found: Found = set()
    sketches = {}
    for number, text in enumerate(texts):
        sketch = RMinHash(num_perm=NUM_BINS, seed=42)
        sketch.update(runs_of(text))
        if any(sketch.jaccard(sketches[other]) >= THRESHOLD for other in index.query(sketch)):
            found.add(number)
        else:
            index.insert(number, sketch)
            sketches[number] = sketch
    return found


def datasketch(texts: Sequence[str]) -> Found:
    """By datasketch."""
    index = MinHashLSH(params=bands_of(THRESHOLD), num_perm=NUM_BINS)
    found: Found = set()
    sketches = {}
    for number, text in enumerate(texts):
        sketch = MinHash(num_perm=NUM_BINS)
        sketch.update_batch([run.encode() for run in runs_of(text)])
        if any(sketch.jaccard(sketches[other]) >= THRESHOLD for other in index.query(sketch)):
            found.add(number)
        else:
            index.insert(number, sketch)
            sketches[number] = sketch
    return found


def main() -> None:
    """Prints documents per second, ratios, recall and precision."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    texts, planted = documents(args.documents)
    print(f"{args.documents:,} documents, {sum(map(len, texts)) / 1e6:.0f} MB, {machine()}")
    found: dict[str, Found] = {}

    def timed(name: str, run: Callable[[Sequence[str]], Found]) -> Callable[[], float]:
        def trial() -> float:
            found[name] = run(texts)
            return float(len(texts))

        return trial

    contestants = {"makar": ours, "rensa": rensa, "datasketch": datasketch}
    for run in contestants.values():
        run(texts[:500])
    result = contest({name: timed(name, run) for name, run in contestants.items()}, rounds=args.rounds, warm=True)
    for name in contestants:
        right = len(found[name] & planted)
        print(f"{name:12} {result.median(name):10,.0f} documents/s  recall {right / len(planted):.2%}  "
              f"precision {right / max(1, len(found[name])):.2%}")
    for name in ("rensa", "datasketch"):
        print(f"makar / {name}: {result.ratio('makar', name):.2f}x")
    print(result.rounds)


if __name__ == "__main__":
    main()
