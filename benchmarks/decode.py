"""Decoding and prompts beside llama.cpp on the same GGUF file and on its fastest quantisation of it, and beside
Hugging Face `generate` for orientation.

    python benchmarks/decode.py [--model smollm2-135m] [--rounds 5] [--tokens 64] [--threads 2] [--only batch-1]
    python benchmarks/decode.py --requantise Q4_0 --peers llama.cpp,transformers
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # before torch loads OpenMP: cores may be shared

import torch
from peer import batch_of, load_ours, read_prompt
from trial import contest, machine

from makar import store
from makar.codecs.chat import Message
from makar.methods.autoregress import Job, LanguageModel, Runtime, Sampling
from makar.native import cpu
from makar.native.engine import Engine

PROMPT = "Tell a long story about a dragon who sells shoes."
COPY = "Write this text again, word for word:\n\n" + "\n".join(
    f"{number}. The {what} in drawer {number * 7} belongs to {who} and costs {number * 13} pounds."
    for number, (what, who) in enumerate(zip(("lamp", "ring", "map", "clock", "key", "cup", "pen", "bell") * 2,
                                             ("Ada", "Ben", "Cleo", "Dan", "Eve", "Finn", "Gus", "Hal") * 2,
                                             strict=True), 1))
Contestants = Mapping[str, Callable[[], float]]


AGAINST_PEERS, AGAINST_ITSELF = ("batch-1", "batch-8", "prefill-512"), ("copying", "chat")


def main() -> None:
    """Prints medians and ratios."""
    args = arguments()
    ours = load_ours(args.model, Runtime(args.arithmetic, threads=args.threads, speculate=False))
    threads = args.threads or cpu.default_threads()
    titles = [title for title in (*AGAINST_PEERS, *AGAINST_ITSELF) if not args.only or title in args.only.split(",")]
    print(f"{args.model}; {machine()}\nmakar: {dict(ours.arithmetic)}, {threads} threads", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        peers = load_peers(args, threads, Path(folder)) if set(titles) & set(AGAINST_PEERS) else {}
        ids = tuple(ours.tokenizer.encode("Once upon a time there was a dragon"))
        prompt = tuple(torch.randint(1000, 20_000, (512,), generator=torch.Generator().manual_seed(0)).tolist())
        trials: dict[str, Contestants] = {
            f"batch-{num}": {"makar": lambda n=num: batch_of(ours, ids, n, args.tokens)}
            | {name: lambda n=num, p=peer: p.generate(ids, n, args.tokens) for name, peer in peers.items()}
            for num in (1, 8)}
        trials["prefill-512"] = {"makar": lambda: read_prompt(ours, prompt)} | {
            name: lambda p=peer: p.prefill(prompt) for name, peer in peers.items()}
        if isinstance(ours.net, Engine):
            trials |= speculation(ours, args.tokens)
        for title in filter(trials.__contains__, titles):
            show(title, trials[title], args, ours)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tries", type=int, default=30, help="rounds at most; then the least disturbed count")
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--arithmetic", default="auto", help="of makar: auto, native, 8bit, 4bit or plain")
    parser.add_argument("--requantise", default="", help="llama.cpp also at these of its quantisations (Q4_0,Q8_0)")
    parser.add_argument("--peers", default="llama.cpp", help="llama.cpp, transformers, or both with a comma")
    parser.add_argument("--only", default="", help="batch-1, batch-8, prefill-512, copying, chat (several with commas)")
    return parser.parse_args()


def load_peers(args: argparse.Namespace, threads: int, folder: Path) -> dict[str, object]:
    """Every peer that was asked for, by the name it is shown under."""
    path, peers = Path(store.pull(args.model)), {}
    if "llama.cpp" in args.peers:
        from llama_peer import LlamaPeer, requantised

        peers["llama.cpp, same file"] = LlamaPeer(path, threads)
        for quant in filter(None, args.requantise.split(",")):
            peers[f"llama.cpp {quant}"] = LlamaPeer(requantised(path, quant, folder), threads)
    if "transformers" in args.peers:
        from peer import TransformersPeer

        peers["transformers bf16"] = TransformersPeer(args.model, torch.bfloat16)
    return peers


def speculation(ours: LanguageModel, num_tok: int) -> dict[str, Contestants]:
    """Copying a text, and open chat, with speculation and without: twice `num_tok` tokens, and reading the prompt's
    last part, since a chat's beginning is kept from round to round.
    """
    greedy, drawn = Sampling(2 * num_tok, temperature=0, repetition_penalty=1.0), Sampling(2 * num_tok, seed=1)

    def run(words: str, sampling: Sampling, speculate: bool) -> float:
        ours.speculate = speculate
        ids = tuple(ours.render([Message("user", words)]))
        return sum(piece.num_tok for piece in ours.stream(Job(ids, sampling)))

    return {title: {"makar": lambda w=words, s=sampling: run(w, s, True),
                    "without drafts": lambda w=words, s=sampling: run(w, s, False)}
            for title, words, sampling in (("copying", COPY, greedy), ("chat", PROMPT, drawn))}


def show(title: str, contestants: Contestants, args: argparse.Namespace, ours: LanguageModel) -> None:
    """Runs one contest and prints its rates and makar's ratio to each."""
    result = contest(contestants, rounds=args.rounds, most_tries=args.tries)
    for name in result.rates:
        print(f"{title:12} {name:22} {result.median(name):9.1f} tokens/s   makar is "
              f"{result.ratio('makar', name):.2f}x", flush=True)
    if title == "batch-1" and isinstance(ours.net, Engine):
        rate, limit = ours.net.weights.bytes() * result.median("makar"), cpu.read_rate()
        print(f"{title:12} makar reads {rate / 1e9:.1f} GB/s of the {limit / 1e9:.1f} GB/s that memory gives: "
              f"{rate / limit:.0%}")
    print(f"{title:12} {result.rounds}", flush=True)


if __name__ == "__main__":
    main()
