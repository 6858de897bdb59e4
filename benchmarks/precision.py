"""What packed weights cost in perplexity: the native arithmetic at each precision against the file's own weights,
dequantised to fp32 and run in fp32.

    python benchmarks/precision.py --text prose.txt --text code.py [--model smollm2-135m] [--tokens 50000]

Windows of 1,024 tokens, one behind the other; every token of a window but the first is scored.
"""

from __future__ import annotations

import argparse
import math
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # before torch loads OpenMP: cores may be shared

from safetensors.torch import load_file
from trial import machine

from makar import store
from makar.methods.autoregress import LanguageModel, Runtime
from makar.nets.transformer import Transformer
from makar.store.convert import convert

WINDOW_TOK = 1024


def main() -> None:
    """Prints perplexities and their differences."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--text", type=Path, action="append", required=True)
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--tokens", type=int, default=50_000)
    parser.add_argument("--arithmetic", default="native,8bit,4bit")
    parser.add_argument("--threads", type=int, default=None)
    args = parser.parse_args()
    stored = store.stored(args.model)
    print(f"{args.model}; {machine()}")
    reference = LanguageModel.open(stored, Runtime("plain"))
    texts = {path.name: reference.tokenizer.encode(path.read_text("utf-8"))[:args.tokens] for path in args.text}
    with tempfile.TemporaryDirectory() as folder:
        convert(store.pull(args.model), Path(folder) / "fp32", dtype="float32")
        reference.net = Transformer.of(reference.net.config, load_file(Path(folder) / "fp32" / "weights.safetensors"))
        base = {name: surprise(reference, ids) for name, ids in texts.items()}
    del reference
    for name, ids in texts.items():
        print(f"{name}: {len(ids):,} tokens, fp32 {math.exp(base[name]):.4f}", flush=True)
    for arithmetic in args.arithmetic.split(","):
        model = LanguageModel.open(stored, Runtime(arithmetic, threads=args.threads))
        for name, ids in texts.items():
            mine = surprise(model, ids)
            print(f"{arithmetic:8} {name}: {math.exp(mine):.4f}, {math.exp(mine - base[name]) - 1:+.3%}", flush=True)


def surprise(model: LanguageModel, ids: Sequence[int]) -> float:
    """Nats per token."""
    parts = [model.score(ids[start:start + WINDOW_TOK]) for start in range(0, len(ids) - 1, WINDOW_TOK)]
    return -sum(float(part.sum()) for part in parts) / sum(len(part) for part in parts)


if __name__ == "__main__":
    main()
