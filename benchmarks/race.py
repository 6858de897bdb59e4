"""Shakespeare's characters against the clock, in nanoGPT's published setting for a processor (4 layers of 128 channels,
12 rows of 64 characters): nanoGPT learns for some minutes, Makar for half as long, and both are asked for their loss on
the same text that neither has seen. nanoGPT has its own model, optimiser, schedule and whole-graph compilation.

They run at once, a process and a core each, and the clock of each is the processor time of its own process: others on
the machine delay them and change little else.

Run: python benchmarks/race.py shakespeare.txt --nanogpt nanoGPT [--minutes 10] [--rate 0.004]
"""

from __future__ import annotations

import argparse
import importlib.util
import math
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from trial import machine

from makar.methods.autoregress.loss import Learner, next_token_loss
from makar.nets.rows import block_rows, initialised, places
from makar.nets.transformer import Config
from makar.train.config import Optimise
from makar.train.optimise import Optimiser, learning_rate, parts_of

ROWS, TOKENS, LAYERS, HEADS, DIM = 12, 64, 4, 4, 128
CPU = torch.device("cpu")
Step = Callable[[Tensor, Tensor, float], None]
Loss = Callable[[Tensor, Tensor], float]


def characters(path: Path) -> tuple[Tensor, Tensor, int]:
    """Nine tenths to learn from, the last tenth held out, and how many characters there are."""
    text = path.read_text("utf-8")[:1_115_394]  # as long as the text that nanoGPT fetches
    known = {character: number for number, character in enumerate(sorted(set(text)))}
    ids = torch.tensor([known[character] for character in text])
    cut = int(0.9 * len(ids))
    return ids[:cut], ids[cut:], len(known)


def draw(ids: Tensor, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """One batch from anywhere."""
    starts = torch.randint(len(ids) - TOKENS - 1, (ROWS, 1), generator=random)
    rows = ids[starts + torch.arange(TOKENS + 1)]
    return rows[:, :-1].contiguous(), rows[:, 1:].contiguous()


def nanogpt(num_chars: int, folder: Path) -> tuple[Step, Loss]:
    """nanoGPT's model and optimiser."""
    spec = importlib.util.spec_from_file_location("nanogpt_model", folder / "model.py")
    assert spec is not None and spec.loader is not None, f"there is no model.py in {folder}"
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    model = module.GPT(module.GPTConfig(block_size=TOKENS, vocab_size=num_chars, n_layer=LAYERS, n_head=HEADS,
                                        n_embd=DIM, dropout=0.0, bias=False))
    adamw = model.configure_optimizers(0.1, 1e-3, (0.9, 0.99), "cpu")
    compiled = torch.compile(model)

    def step(x: Tensor, y: Tensor, done_frac: float) -> None:
        for group in adamw.param_groups:
            group["lr"] = 1e-4 + 0.5 * (1 + math.cos(math.pi * done_frac)) * 9e-4
        compiled(x, y)[1].backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        adamw.step()
        adamw.zero_grad(set_to_none=True)

    return step, lambda x, y: float(model(x, y)[1]) * y.numel()


def makar(num_chars: int, rate: float) -> tuple[Step, Loss]:
    """Makar's, with Muon, warm-up and decay as in its recipes."""
    net = initialised(Config(vocab_size=num_chars, dim=DIM, num_layers=LAYERS, num_heads=HEADS, num_kv_heads=HEADS,
                             head_dim=DIM // HEADS, hidden_dim=344, context_tok=TOKENS, qk_norm=True), 0)
    learner = Learner(net, places(net, TOKENS, CPU), torch.float32, torch.compile(block_rows, dynamic=False))
    plain = Learner(net, learner.at, torch.float32)
    optimiser = Optimiser(dict(net.named_parameters()), Optimise("muon", rate), parts_of(net), torch.float32)

    def step(x: Tensor, y: Tensor, done_frac: float) -> None:
        (next_token_loss(learner, x, y) / y.numel()).backward()
        optimiser.clip()
        optimiser.step(learning_rate(rate, int(done_frac * 10_000), warmup_steps=200, decay_start=6_000,
                                     decay_steps=4_000))

    return step, lambda x, y: float(next_token_loss(plain, x, y))


def run(name: str, make: Callable[..., tuple[Step, Loss]], given: tuple[Any, ...], text: Path, limit_s: float) -> float:
    """Learns in this process until its time is over, compilation not counted; the loss per held-out character."""
    torch.set_num_threads(1)
    train, held_out, num_chars = characters(text)
    step, loss = make(num_chars, *given)
    random = torch.Generator().manual_seed(0)
    for _ in range(2):
        step(*draw(train, random), 0.0)
    num, start_s = 0, time.process_time()
    while (spent_s := time.process_time() - start_s) < limit_s:
        step(*draw(train, random), spent_s / limit_s)
        num += 1
    size = (len(held_out) - 1) // TOKENS * TOKENS
    x, y = held_out[:size].view(-1, TOKENS), held_out[1:size + 1].view(-1, TOKENS)
    with torch.no_grad():
        total = sum(loss(*part) for part in zip(x.split(ROWS), y.split(ROWS), strict=True))
    found = total / y.numel()
    print(f"{name:<8} {spent_s:6.1f} s  {num:>7,} steps  held-out loss {found:.4f} per character", flush=True)
    return found


def main() -> None:
    """Runs both and says who was lower."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text", type=Path)
    parser.add_argument("--nanogpt", type=Path, required=True, help="a clone of nanoGPT")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--rate", type=float, default=4e-3)
    args = parser.parse_args()
    train, held_out, num_chars = characters(args.text)
    print(f"{machine()}\n{len(train):,} characters of {num_chars} kinds to learn from, {len(held_out):,} held out; "
          "a core each", flush=True)
    with ProcessPoolExecutor(2, get_context("spawn")) as cores:
        theirs = cores.submit(run, "nanoGPT", nanogpt, (args.nanogpt,), args.text, 60 * args.minutes)
        ours = cores.submit(run, "makar", makar, (args.rate,), args.text, 30 * args.minutes)
        below = theirs.result() - ours.result()
    print(f"in half the time Makar is {abs(below):.4f} {'below' if below >= 0 else 'ABOVE'} nanoGPT")


if __name__ == "__main__":
    main()
