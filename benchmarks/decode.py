"""Decoding speed beside Hugging Face `generate`, on the same weights in bf16 and, for batches, also its fp32.

    python benchmarks/decode.py [--model smollm2-135m] [--rounds 5] [--tokens 64]
"""

from __future__ import annotations

import argparse
import os

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # before torch loads OpenMP: cores may be shared

import torch
from peer import generate_ours, generate_peer, load_ours, load_peer
from trial import contest, machine

from makar.codecs.chat import Message

PROMPT = "Tell a long story about a dragon who sells shoes to the king of France, his cat and his nine daughters."


def main() -> None:
    """Prints a table of medians and ratios for one sequence and for eight."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tokens", type=int, default=64)
    args = parser.parse_args()
    ours = load_ours(args.model)
    narrow, wide = load_peer(args.model, torch.bfloat16), load_peer(args.model, torch.float32)
    ids = tuple(ours.render([Message("user", PROMPT)]))
    print(f"{args.model}; {machine()}\nprompt {len(ids)} tokens, {args.tokens} new, greedy, the prompt's time included")
    for num_seqs in (1, 8):
        result = contest({
            "makar": lambda n=num_seqs: generate_ours(ours, ids, n, args.tokens),
            "transformers bf16": lambda n=num_seqs: generate_peer(narrow, ids, n, args.tokens),
            "transformers fp32": lambda n=num_seqs: generate_peer(wide, ids, n, args.tokens),
        }, rounds=args.rounds)
        for name in result.rates:
            print(f"batch {num_seqs}  {name:18} {result.median(name):8.1f} tokens/s   makar is "
                  f"{result.ratio('makar', name):.2f}x", flush=True)
        print(f"batch {num_seqs}  {args.rounds} rounds counted, {result.dropped} disturbed and run again")


if __name__ == "__main__":
    main()
