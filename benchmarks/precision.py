"""What packed weights cost in perplexity: the native arithmetic at each precision against the file's own weights,
dequantised to fp32 and run in fp32.

    python benchmarks/precision.py --text prose.txt --text code.py --journal precision.jsonl [--model smollm2-135m]

Windows of 1,024 tokens, one behind the other; every token of a window but the first is scored. Each window is a line of
the journal, and a run that was stopped goes on behind the last one.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import os
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # before torch loads OpenMP: cores may be shared

from safetensors.torch import load_file
from trial import machine

from makar import store
from makar.codecs.bpe import Tokenizer
from makar.methods.autoregress import LanguageModel, Runtime
from makar.nets.transformer import Transformer
from makar.store.convert import convert

WINDOW_TOK = 1024
REFERENCE = "fp32"
Windows = Mapping[str, Sequence[Sequence[int]]]


def main() -> None:
    """Prints perplexities and their differences."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--text", type=Path, action="append", required=True)
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--tokens", type=int, default=50_000)
    parser.add_argument("--arithmetic", default="native,8bit,4bit")
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--journal", type=Path, required=True)
    args = parser.parse_args()
    tokenizer = Tokenizer.open(store.stored(args.model).folder)
    texts = {path.name: windows(tokenizer, path, args.tokens) for path in args.text}
    print(f"{args.model}; {machine()}", flush=True)
    journal = Journal(args.journal)
    for arithmetic in (REFERENCE, *args.arithmetic.split(",")):
        score_all(args, arithmetic, texts, journal)
        for name, parts in texts.items():
            num_tok = sum(len(part) - 1 for part in parts)
            nats = {kind: sum(journal.nats[key_of(args.model, kind, part)] for part in parts) / num_tok
                    for kind in (REFERENCE, arithmetic)}
            more = math.expm1(nats[arithmetic] - nats[REFERENCE])
            found = math.exp(nats[arithmetic])
            print(f"{arithmetic:8} {name}, {num_tok:,} tokens: {found:.4f}, {more:+.3%}", flush=True)


def windows(tokenizer: Tokenizer, path: Path, num_tok: int) -> list[list[int]]:
    """The first tokens of a text, cut."""
    ids = tokenizer.encode(path.read_text("utf-8"))[:num_tok]
    parts = [ids[start:start + WINDOW_TOK] for start in range(0, len(ids), WINDOW_TOK)]
    return [part for part in parts if len(part) > 1]


class Journal:
    """The surprise of each window that was scored, in a file that grows line by line."""

    def __init__(self, path: Path) -> None:
        self._path = path
        lines = path.read_text("utf-8").splitlines() if path.exists() else []
        self.nats: dict[str, float] = {found["key"]: found["nats"] for found in map(json.loads, lines)}

    def add(self, key: str, nats: float) -> None:
        """Writes one down."""
        self.nats[key] = nats
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"key": key, "nats": nats}) + "\n")


def key_of(model: str, arithmetic: str, ids: Sequence[int]) -> str:
    """What a line of the journal is about."""
    return f"{model} {arithmetic} {hashlib.sha256(repr(list(ids)).encode()).hexdigest()[:16]}"


def score_all(args: argparse.Namespace, arithmetic: str, texts: Windows, journal: Journal) -> None:
    """Scores what the journal does not have yet."""
    left = [part for parts in texts.values() for part in parts
            if key_of(args.model, arithmetic, part) not in journal.nats]
    if not left:
        return
    stored = store.stored(args.model)
    with ExitStack() as stack:
        if arithmetic == REFERENCE:
            model = LanguageModel.open(stored, Runtime("plain"))
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "fp32"
            convert(store.pull(args.model), folder, dtype="float32")
            model.net = Transformer.of(model.net.config, load_file(folder / "weights.safetensors"))
        else:
            model = LanguageModel.open(stored, Runtime(arithmetic, threads=args.threads))
        for part in left:
            journal.add(key_of(args.model, arithmetic, part), -float(model.score(part).double().sum()))


if __name__ == "__main__":
    main()
