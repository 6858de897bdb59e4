"""What signing and recognising cost and what escapes them: changed bytes, look-ups among a million works, time added.

    python benchmarks/credentials.py --trials 10000 --works 1000 --entries 1000000
"""

from __future__ import annotations

import argparse
import io
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from makar.kit.content import data_of
from makar.kit.files import atomic_write
from makar.provenance.credentials.media import HEAD_BYTES, media_of, media_of_type
from makar.provenance.credentials.read import Signature, read
from makar.provenance.credentials.sign import Signed, sign
from makar.provenance.fingerprint import fingerprint
from makar.provenance.fingerprint.shelf import ROW, Shelf, _number
from makar.provenance.released import Released

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "provenance" / "credentials"))

from signed_files import FILES, manifest

EMBEDDED_TOO = ("text/plain", "text/x-python")


def look(media_type: str, data: bytes, sidecar: bytes | None) -> Signature:
    """The signature in a file of that kind."""
    suffix = (media_of_type(media_type).suffixes or ("",))[0]
    media = media_of(f"work{suffix}", data[:HEAD_BYTES])
    try:
        text = data.decode() if media.text else None
    except UnicodeDecodeError:
        text = None
    return read(io.BytesIO(data), media, sidecar, text=text)


def tampering(num_trials: int) -> None:
    """Changes one byte at a time, anywhere in a signed file or its signature."""
    forms = [(kind, False) for kind in sorted(FILES)] + [(kind, True) for kind in EMBEDDED_TOO]
    draw, told, forms_signed = random.Random(6), 0, dict[tuple[str, bool], Signed]()
    for number in range(num_trials):
        kind, embed = forms[number % len(forms)]
        if number < len(forms) or number % 997 < len(forms):
            forms_signed[kind, embed] = sign(FILES[kind], kind, manifest(), embed_text=embed)
        signed = forms_signed[kind, embed]
        whole, cut = bytearray(signed.data + (signed.sidecar or b"")), len(signed.data)
        place = draw.randrange(len(whole))
        whole[place] ^= draw.randrange(1, 256)
        found = look(kind, bytes(whole[:cut]), bytes(whole[cut:]) or None)
        told += found.state == "changed"
        if found.state != "changed":
            print(f"  NOT told: {kind}, embedded {embed}, byte {place:,} of {len(whole):,}: {found.state}")
    print(f"one changed byte: {told:,} of {num_trials:,} told")


def validity(num_works: int) -> None:
    """Signs that many works of each kind, and reads each; the time of both."""
    for kind in sorted(FILES):
        good, signing_s, reading_s = 0, list[float](), list[float]()
        for number in range(num_works):
            data = FILES[kind] if not media_of_type(kind).text or kind.endswith("json") else (
                FILES[kind] + (f"# {number}\n" if kind.endswith("python") else f"{number}\n").encode())
            start_s = time.perf_counter()
            signed = sign(data, kind, manifest(seed=number))
            middle_s = time.perf_counter()
            found = look(kind, signed.data, signed.sidecar)
            reading_s.append(time.perf_counter() - middle_s)
            signing_s.append(middle_s - start_s)
            good += found.state == "valid" and found.trusted and found.own
        print(f"{kind:<18} {good:,} of {num_works:,} valid and trusted; sign {told_ms(signing_s)}, "
              f"read {told_ms(reading_s)}")


def look_ups(num_entries: int, num_look_ups: int = 1000) -> None:
    """Looks near and far fingerprints up among that many."""
    draw = np.random.default_rng(6)
    rows = np.zeros(num_entries, ROW)
    rows["seq"], rows["scheme"] = np.arange(1, num_entries + 1), _number("text-minhash-2x128/1")
    rows["bits"] = draw.integers(0, 2**64, (num_entries, 4), dtype=np.uint64)
    shelf, spent_s, found = Shelf(rows), list[float](), 0
    for number in draw.integers(0, num_entries, num_look_ups):
        wanted = rows["bits"][number].copy()
        wanted ^= draw.integers(0, 2**64, 4, dtype=np.uint64) & draw.integers(0, 2**64, 4, dtype=np.uint64)
        start_s = time.perf_counter()
        nearest = shelf.nearest("text-minhash-2x128/1", wanted.tobytes())
        spent_s.append(time.perf_counter() - start_s)
        found += nearest is not None and nearest[0] == number + 1
    p99_ms = 1e3 * sorted(spent_s)[int(0.99 * num_look_ups)]
    print(f"look-up among {num_entries:,}: {told_ms(spent_s)}, p99 {p99_ms:.1f} ms; a quarter of the bits changed: "
          f"{found:,} of {num_look_ups:,} found")


def time_added(num_works: int) -> None:
    """What a saved work's mark, signature and fingerprint take, beside what it took to make without them.

    The mark of text is woven into its making: `overhead.py` measures it.
    """
    import makar
    from makar.codecs.picture import glance
    from makar.evaluate.picture_marks import key_of
    from makar.marks.image import embed

    def text(seed: int) -> Released:
        return makar.text("Tell of a lantern above the harbour", model="smollm2-135m", seed=seed, max_tokens=200)

    def picture(seed: int) -> Released:
        return makar.image("red apple", model="icons-128", seed=seed)

    def marked_s(work: Released) -> float:
        rgba = np.asarray(glance(work.content))
        return took_s(lambda: embed(rgba, key_of(0), 1))

    tell_added("200 tokens of SmolLM2-135M, signature and fingerprint", text, lambda work: 0.0, num_works)
    tell_added("a picture of icons-128, mark, signature and fingerprint", picture, marked_s, num_works)


def tell_added(what: str, make: Callable[[int], Released], marked_s: Callable[[Released], float],
               num_works: int) -> None:
    """Makes so many works of a kind and prints the share of time that was added."""
    make(num_works)  # opens the model
    shares = []
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(num_works):
            start_s = time.perf_counter()
            work = make(seed)
            made_s = time.perf_counter() - start_s
            data = data_of(work.content)
            suffix = media_of_type(str(work.record["media_type"])).suffixes[0]
            plain_s = took_s(lambda data=data: atomic_write(Path(folder) / "plain", data))
            signed_s = took_s(lambda work=work, suffix=suffix: work.save(Path(folder) / f"work{suffix}"))
            # Mark and fingerprint are made on the way and are in `made_s`; the signature is made as it is saved.
            kind = str(work.record["media_type"])
            within_s = marked_s(work) + took_s(lambda kind=kind, data=data: fingerprint(kind, data))
            shares.append((signed_s - plain_s + within_s) / (made_s - within_s))
    print(f"time added, {what}: {statistics.median(shares):+.2%} (median of {num_works}, most {max(shares):+.2%})")


def took_s(action: Callable[[], object]) -> float:
    """How long it takes."""
    start_s = time.perf_counter()
    action()
    return time.perf_counter() - start_s


def told_ms(spent_s: list[float]) -> str:
    """The median."""
    return f"median {1e3 * statistics.median(spent_s):.1f} ms"


def main() -> None:
    """Measures what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=0, help="changed bytes")
    parser.add_argument("--works", type=int, default=0, help="signed works of each kind")
    parser.add_argument("--entries", type=int, default=0, help="fingerprints to look among")
    parser.add_argument("--made", type=int, default=0, help="texts and pictures that are made and saved")
    args = parser.parse_args()
    print(json.dumps({"numpy": np.__version__}))
    for number, measure in ((args.trials, tampering), (args.works, validity), (args.entries, look_ups),
                            (args.made, time_added)):
        if number:
            measure(number)


if __name__ == "__main__":
    main()
