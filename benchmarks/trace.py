"""The index beside infini-gram on the same bytes, and what a trace finds: planted, clean and edited texts.

    python benchmarks/trace.py FOLDER [--megabytes 100] [--trials 300] [--parts build,answers,detection] [--work WORK]

FOLDER holds .txt files. Every fifth document is kept out of the index of the detection part and serves as clean text.
Where FOLDER has less than --megabytes, more is made of it with the words of each line in another order. What is made
in WORK is kept there: a later run looks up in the index that it finds, and does not build it again. infini-gram
(`pip install infini-gram tqdm`, byte tokens) takes part where it is installed.
"""

from __future__ import annotations

import argparse
import bisect
import importlib.util
import itertools
import json
import random
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from trial import machine

from makar.tracing.build import BuildOptions
from makar.tracing.fold import fold
from makar.tracing.index import Index, open_index
from makar.tracing.near import near
from makar.tracing.shelf import build_index
from makar.tracing.spans import spans

LENGTHS = (20, 35, 50, 100, 200)
PASSAGE_TOK = (50, 100, 200)
CLEAN_TOK = 30_000_000  # so many without a span bound the rate by 1e-4 per 1,000 tokens, at 95%


class Texts:
    """Files of text, read when they are asked for."""

    def __init__(self, files: Sequence[Path]) -> None:
        self.files = files
        self._reach = list(itertools.accumulate(file.stat().st_size for file in files))

    def __getitem__(self, number: int) -> str:
        return self.files[number].read_text("utf-8", errors="replace")

    def any(self, draw: random.Random) -> str:
        """One of them, a longer one more often."""
        return self[bisect.bisect(self._reach, draw.randrange(self._reach[-1]))]


def library(folder: Path, num_bytes: int, out: Path) -> None:
    """Copies the texts of `folder` into `out`, and makes more of them until there are `num_bytes`."""
    files = sorted(folder.rglob("*.txt"))
    texts, draw, made, number = Texts(files), random.Random(1), 0, 0
    while made < num_bytes:
        text = texts[number % len(files)]
        if number >= len(files):
            text = "\n".join(" ".join(draw.sample(words, len(words))) for words in map(str.split, text.split("\n")))
        data = text.encode()[:num_bytes - made]
        (out / f"{number:05}.txt").write_bytes(data)
        made += len(data)
        number += 1


def timed(action: Callable[[], object]) -> float:
    """Seconds."""
    start_s = time.perf_counter()
    action()
    return time.perf_counter() - start_s


def percentiles(name: str, seconds: list[float], unit: float = 1e6, label: str = "us") -> None:
    """Prints the median and the 99th percentile."""
    cut = statistics.quantiles(seconds, n=100)
    print(f"  {name:<42} median {cut[49] * unit:8.1f} {label}   p99 {cut[98] * unit:8.1f} {label}")


def infini_gram(texts: Path, out: Path) -> tuple[float, Any] | None:
    """Seconds it took to build, and its engine; None where it is not installed."""
    if importlib.util.find_spec("infini_gram") is None:
        return None
    (out / "in").mkdir(parents=True)
    with (out / "in" / "texts.jsonl").open("w") as file:
        for path in sorted(texts.iterdir()):
            file.write(json.dumps({"text": path.read_text("utf-8", errors="replace")}) + "\n")
    command = [sys.executable, "-m", "infini_gram.indexing", "--data_dir", str(out / "in"), "--save_dir",
               str(out / "index"), "--token_dtype", "u8", "--mem", "8", "--ulimit", "1024"]
    spent_s = timed(lambda: subprocess.run(command, check=True, capture_output=True))
    from infini_gram.engine import InfiniGramEngine

    return spent_s, InfiniGramEngine(str(out / "index"), eos_token_id=0, vocab_size=255, token_dtype="u8")


def runs_of(index: Index, count: int) -> Iterator[bytes]:
    """Runs of 1 to 20 tokens that the index holds, every third with a last word that it does not."""
    draw, shard = random.Random(2), index.shards[0]
    for number in range(count):
        at = shard.suffixes[draw.randrange(len(shard.suffixes))]
        words = shard.text[at:at + 400].split(b" ")[:draw.randint(1, 20)]
        yield b" ".join([*words, b"qxzzq"] if number % 3 == 0 else words)


def build(texts: Path, work: Path, trials: int) -> Index:
    """Building, unless an index is there, and single look-ups."""
    if (work / "index").exists():
        index, peer = open_index(work / "index"), None
    else:
        index, peer = build_beside(texts, work)
    look_ups(index, peer, trials)
    return index


def build_beside(texts: Path, work: Path) -> tuple[Index, Any]:
    """The index, and the engine of infini-gram where it is installed."""
    held: list[Index] = []
    ours_s = timed(lambda: held.append(build_index(texts, work / "index")))
    index = held[0]
    size = sum(path.stat().st_size for path in texts.iterdir())
    disk = sum(path.stat().st_size for path in (work / "index").rglob("*") if path.is_file())
    print(f"\nindex of {size / 1e6:,.0f} MB: {ours_s:.1f} s, {ours_s / size * 1e8:.1f} s per 100 MB; "
          f"{disk / size:.2f} bytes on disk per byte, the text included; at most "
          f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.1f} GiB of memory")
    peer = infini_gram(texts, work / "peer")
    if peer is not None:
        print(f"  infini-gram, from the same bytes: {peer[0]:.1f} s, ratio {peer[0] / ours_s:.2f}")
    return index, None if peer is None else peer[1]


def look_ups(index: Index, peer: Any, trials: int) -> None:
    """Single look-ups, in turn."""
    runs = list(runs_of(index, 10 * trials))
    shard = index.shards[0]
    for run in runs:
        shard.find(run)  # once, so that the pages are in memory
    look = {"look-up": lambda run: shard.find(run)}
    if peer is not None:
        ids = {run: list(run) for run in runs}
        look["look-up, infini-gram"] = lambda run: peer.find(input_ids=ids[run])
        for run in runs:
            look["look-up, infini-gram"](run)
    seconds: dict[str, list[float]] = {name: [] for name in look}
    for run in runs:
        for name, find in look.items():
            seconds[name].append(timed(lambda find=find, run=run: find(run)))
    for name, spent in seconds.items():
        percentiles(name, spent)


def answers(index: Index, texts: Path, trials: int) -> None:
    """All spans of answers of 500 tokens."""
    draw, documents = random.Random(3), Texts(sorted(texts.iterdir()))
    vocabulary = re.findall(r"\w+", documents[0])
    kinds: dict[str, list[float]] = {"nothing copied": [], "two copies of 40": [], "all copied": []}
    for _ in range(trials):
        words = [draw.choice(vocabulary) for _ in range(500)]
        kinds["nothing copied"].append(timed(lambda words=words: spans(index, " ".join(words))))
        words[100:140], words[300:340] = passage(draw, documents, 40).split(), passage(draw, documents, 40).split()
        kinds["two copies of 40"].append(timed(lambda words=words: spans(index, " ".join(words))))
        copied = passage(draw, documents, 500)
        kinds["all copied"].append(timed(lambda copied=copied: spans(index, copied)))
    for name, seconds in kinds.items():
        percentiles(f"all spans of 500 tokens, {name}", seconds, 1e3, "ms")


def passage(draw: random.Random, texts: Texts, num_words: int) -> str:
    """`num_words` words in a row from anywhere."""
    while True:
        text = texts.any(draw)
        start = draw.randrange(max(1, len(text) - num_words * 10))
        words = text[start:start + num_words * 12].split()[1:num_words + 1]
        if len(words) == num_words:
            return " ".join(words)


def of_tokens(draw: random.Random, texts: Texts, count: int) -> str:
    """`count` tokens in a row from anywhere; a word of signs alone is no token."""
    while True:
        text = passage(draw, texts, 2 * count)
        folded = fold(text)
        if len(folded) >= count:
            start, end = folded.chars(0, count)
            return text[start:end]


def edited(draw: random.Random, text: str, vocabulary: list[str]) -> str:
    """A fifth of the words changed: six of ten replaced, two left out, two followed by another."""
    words = []
    for word in text.split():
        change = draw.random()
        if change < 0.12:
            words.append(draw.choice(vocabulary))
        elif change >= 0.2:
            words.append(word)
        elif change >= 0.16:
            words += [word, draw.choice(vocabulary)]
    return " ".join(words)


def detection(folder: Path, work: Path, trials: int) -> None:
    """What is found of planted, clean and edited texts."""
    files = sorted(folder.rglob("*.txt"))
    (work / "most").mkdir()
    for number, file in enumerate(files):
        if number % 5:
            (work / "most" / f"{number:06}.txt").write_bytes(file.read_bytes())
    index = build_index(work / "most", work / "most-index", BuildOptions())
    inside, outside = Texts([file for number, file in enumerate(files) if number % 5]), Texts(files[::5])
    draw = random.Random(4)
    print(f"\ndetection: {index.num_documents} documents indexed, {len(outside.files)} kept out")
    for length in LENGTHS:
        found = 0
        for _ in range(trials):
            copied = of_tokens(draw, inside, length)
            text = f"{passage(draw, outside, 80)} {copied} {passage(draw, outside, 80)}"
            at = text.index(copied)
            found += any(span.start <= at and span.end >= at + len(copied) for span in spans(index, text))
        print(f"  planted copies of {length:>3} tokens found: {found}/{trials}")
    report_clean(index, [outside[number][:300_000] for number in range(len(outside.files))])
    for length in PASSAGE_TOK:
        clean = sum(bool(near(index, passage(draw, outside, length))) for _ in range(trials))
        vocabulary = re.findall(r"\w+", inside[0])
        hit = sum(bool(near(index, edited(draw, passage(draw, inside, length), vocabulary))) for _ in range(trials))
        print(f"  passages of {length:>3} words: edited copies found {hit / trials:.1%}, others flagged "
              f"{clean / trials:.1%}")


def report_clean(index: Index, texts: list[str]) -> None:
    """Spans of 20 tokens in texts that were not indexed; the first are printed, to see whether they are copies."""
    num_tok, flagged = 0, []
    for text in texts:
        num_tok += len(fold(text))
        flagged += [(text[span.start:span.end], span.places[0].document) for span in spans(index, text)]
    draw, words = random.Random(5), [word for text in texts for word in text.split()]
    chance = times = 0
    while times * num_tok < CLEAN_TOK:
        chance += len(spans(index, " ".join(draw.sample(words, len(words)))))
        times += 1
    print(f"  texts kept out: {len(flagged)} spans in {num_tok:,} tokens; with their words in {times} other orders: "
          f"{chance} in {times * num_tok:,}")
    for words_found, document in flagged[:12]:
        print(f"    \"{' '.join(words_found.split())[:90]}\" is in {document}")


def main() -> None:
    """Runs the parts that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--megabytes", type=float, default=100)
    parser.add_argument("--trials", type=int, default=300)
    parser.add_argument("--parts", default="build,answers,detection")
    parser.add_argument("--work", type=Path, help="a folder to keep texts and index in")
    args = parser.parse_args()
    parts = args.parts.split(",")
    print(machine())
    with tempfile.TemporaryDirectory() as name:
        work = args.work or Path(name)
        if "build" in parts:
            if not (work / "texts").exists():
                (work / "texts").mkdir(parents=True)
                library(args.folder, int(args.megabytes * 1e6), work / "texts")
            index = build(work / "texts", work, args.trials)
            if "answers" in parts:
                answers(index, work / "texts", args.trials)
        if "detection" in parts:
            detection(args.folder, Path(name), args.trials)


if __name__ == "__main__":
    main()
