"""Each instruction path of the kernel beside its plain-PyTorch twin, which gives the same numbers to the last rounding.

    python benchmarks/paths.py [--model smollm2-135m] [--rounds 5] [--tokens 8]
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # before torch loads OpenMP: cores may be shared

from trial import contest, machine

from makar import store
from makar.kit.config import from_json
from makar.methods.autoregress.opening import read_facts
from makar.native import cpu
from makar.native.engine import Engine, Options
from makar.native.packed_file import open_packed
from makar.nets.transformer import Config


def main() -> None:
    """Prints medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tokens", type=int, default=8)
    args = parser.parse_args()
    stored = store.stored(args.model)
    config = from_json(Config, read_facts(Path(stored.folder))["architecture"])
    weights = open_packed(stored, config, "file")
    engines = {path: Engine(config, weights, Options(path)) for path in cpu.paths()}
    print(f"{args.model}; {machine()}", flush=True)
    result = contest({path: lambda e=engine: decode(e, args.tokens) for path, engine in engines.items()},
                     rounds=args.rounds)
    for path in engines:
        print(f"{path:12} {result.median(path):9.1f} tokens/s   {result.ratio(path, 'twin'):.1f}x its twin")
    print(result.rounds)


def decode(engine: Engine, num_tok: int) -> float:
    """Steps of one row with their logits; how many were made."""
    cache = engine.new_cache()
    cache.reserve(1, num_tok)
    for position in range(num_tok):
        engine.forward_rows([position], [0], [position], cache, [0])
    return num_tok


if __name__ == "__main__":
    main()
