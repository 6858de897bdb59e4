"""Training tokens per second of a 10.65 M GPT on batches of 16 x 256, beside the transformers library's Llama of the
same shape in a plain loop: same tokens, same AdamW, no compilation on either side.

Run: python benchmarks/train.py [--rounds N]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import torch
from transformers import LlamaConfig, LlamaForCausalLM
from trial import contest, machine

from makar.methods.autoregress.loss import Learner, next_token_loss
from makar.nets.rows import initialised, places
from makar.nets.transformer import Config
from makar.train.config import Optimise
from makar.train.device import dtype_of, flops_per_token, matmul_ceiling, pick_precision
from makar.train.optimise import Optimiser, parts_of

ROWS, TOKENS = 16, 256
SHAPE = Config(vocab_size=65, dim=384, num_layers=6, num_heads=6, num_kv_heads=6, head_dim=64, hidden_dim=1024,
               context_tok=TOKENS)
CPU = torch.device("cpu")


def batch() -> tuple[torch.Tensor, torch.Tensor]:
    """Random characters; what they say does not change the work."""
    ids = torch.randint(0, SHAPE.vocab_size, (ROWS, TOKENS + 1), generator=torch.Generator().manual_seed(0))
    return ids[:, :-1], ids[:, 1:]


def makar_step(precision: str, optimiser_name: str) -> Callable[[], float]:
    """One step of Makar's loop."""
    net = initialised(SHAPE, 0)
    learner = Learner(net, places(net, TOKENS, CPU), dtype_of(precision))
    settings = Optimise(name=optimiser_name, rate=1e-3)  # type: ignore[arg-type]
    optimiser = Optimiser(dict(net.named_parameters()), settings, parts_of(net), dtype_of(precision))
    inputs, targets = batch()

    def step() -> float:
        (next_token_loss(learner, inputs, targets) / targets.numel()).backward()
        optimiser.clip()
        optimiser.step(1e-3)
        return float(targets.numel())

    return step


def peer_step(precision: str) -> Callable[[], float]:
    """One step of the same with the transformers library."""
    model = LlamaForCausalLM(LlamaConfig(
        vocab_size=SHAPE.vocab_size, hidden_size=SHAPE.dim, intermediate_size=SHAPE.hidden_dim,
        num_hidden_layers=SHAPE.num_layers, num_attention_heads=SHAPE.num_heads, num_key_value_heads=SHAPE.num_kv_heads,
        max_position_embeddings=TOKENS, tie_word_embeddings=True, bos_token_id=0, eos_token_id=0, pad_token_id=None))
    adamw = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.95), weight_decay=0.1, fused=True)
    inputs, targets = batch()

    def step() -> float:
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            logits = model(inputs, use_cache=False).logits
        torch.nn.functional.cross_entropy(logits.float().flatten(0, 1), targets.flatten()).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        adamw.step()
        adamw.zero_grad(set_to_none=True)
        return float(targets.numel())

    return step


def main() -> None:
    """Prints medians, ratios and the share of the ceiling."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    precision = pick_precision("auto", CPU)
    num = sum(weight.numel() for weight in initialised(SHAPE, 0).parameters())
    print(f"{machine()}\n{num:,} weights, {ROWS} x {TOKENS} tokens a step, {precision}")
    found = contest({"makar adamw": makar_step(precision, "adamw"), "makar muon": makar_step(precision, "muon"),
                     "transformers": peer_step(precision)}, rounds=args.rounds)
    best = max(matmul_ceiling(CPU, dtype_of(precision), 1.0) for _ in range(3))
    per_token = flops_per_token(SHAPE, TOKENS)
    for name in found.rates:
        rate = found.median(name)
        print(f"{name:<14} {rate:>9,.0f} tok/s  {found.ratio(name, 'transformers'):.2f}x transformers  "
              f"{rate * per_token / best:.0%} of {best / 1e9:,.0f} GFLOP/s")
    print(f"rounds that others disturbed and that do not count: {found.dropped}")


if __name__ == "__main__":
    main()
