"""Whether every release of every kind leaves signed and marked, and is made again byte for byte.

    python benchmarks/releases.py --works 1000 --replays 100

Works are made and saved as users make them, by models that need no download, and recognised from their files alone.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # before torch loads OpenMP: cores may be shared

import makar
from makar.ledger import Ledger, open_ledger
from makar.provenance.recognise import open_book, recognise
from makar.provenance.released import Released

FORMS = ("png", "jpeg", "webp", "svg")


def made(kind: str, seed: int, ledger: Ledger) -> Released:
    """A work of that kind, released."""
    if kind == "txt":
        return makar.text("once", model="tiny", seed=seed, max_tokens=32, ledger=ledger)
    return makar.image("red apple", model="icons-128", seed=seed, form=kind, ledger=ledger)


def released(kind: str, num_works: int, ledger: Ledger, folder: Path) -> None:
    """Makes and saves so many works of a kind, then recognises each file; prints how many are signed and marked."""
    start_s, marked = time.monotonic(), 0
    paths = []
    for seed in range(num_works):
        work = made(kind, seed, ledger)
        marked += "scheme" in work.record["mark"]
        paths.append(work.save(folder / f"{seed}.{kind}"))
    book = open_book(ledger)
    signed = sum(recognise(path, book).ok for path in paths)
    print(f"{kind}: {signed:,} of {num_works:,} carry a valid signature of a trusted key, {marked:,} a mark "
          f"({time.monotonic() - start_s:,.0f} s)", flush=True)


def replayed(num_works: int, ledger: Ledger) -> None:
    """Makes the newest works of the ledger again, alone and eight at a time; prints how many are the same."""
    works = [str(stamp.body["work"]) for stamp in ledger.stamps("release")][-num_works:]
    for together in (1, 8):
        with ThreadPoolExecutor(together) as pool:
            same = sum(done.same for done in pool.map(lambda work: makar.replay(work, ledger=ledger), works))
        print(f"replay, {together} at a time: {same:,} of {len(works):,} byte for byte", flush=True)


def main() -> None:
    """Makes, recognises and makes again what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--works", type=int, default=100, help="of each kind")
    parser.add_argument("--replays", type=int, default=0, help="of each kind")
    parser.add_argument("--kinds", nargs="+", choices=("txt", *FORMS), default=("txt", *FORMS))
    args = parser.parse_args()
    for kind in args.kinds:
        with tempfile.TemporaryDirectory() as folder, open_ledger(Path(folder) / "ledger.db") as ledger:
            released(kind, args.works, ledger, Path(folder))
            if args.replays:
                replayed(args.replays, ledger)


if __name__ == "__main__":
    main()
