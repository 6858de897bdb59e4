"""Training tokens per second of a 10.65 M GPT on batches of 16 x 256, beside nanoGPT compiled and the Trainer of the
transformers library. Each in its own process, they take turns step by step, all with AdamW and clipping, in the type
that this processor multiplies fastest (bf16 where it has units for it, else fp32; `--precision bf16` asks for bf16).

Run: git clone https://github.com/karpathy/nanoGPT; python benchmarks/train.py --nanogpt nanoGPT [--rounds N]
"""

from __future__ import annotations

import argparse
import importlib.util
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from transformers import LlamaConfig, LlamaForCausalLM, Trainer, TrainerCallback, TrainingArguments
from trial import Apart, contest, machine

from makar.methods.autoregress.loss import Learner, next_token_loss
from makar.nets.rows import block_rows, initialised, places
from makar.nets.transformer import Config
from makar.train.config import Optimise
from makar.train.device import dtype_of, flops_per_token, keep_memory, pick_precision
from makar.train.optimise import Optimiser, parts_of

ROWS, TOKENS = 16, 256
SHAPE = Config(vocab_size=65, dim=384, num_layers=6, num_heads=6, num_kv_heads=6, head_dim=64, hidden_dim=1024,
               context_tok=TOKENS)
CPU = torch.device("cpu")
Step = Callable[[], float]


def batch() -> tuple[torch.Tensor, torch.Tensor]:
    """Random characters; what they say does not change the work."""
    ids = torch.randint(0, SHAPE.vocab_size, (ROWS, TOKENS + 1), generator=torch.Generator().manual_seed(0))
    return ids[:, :-1].contiguous(), ids[:, 1:].contiguous()


def makar_step(precision: str, optimiser_name: str) -> Step:
    """One step of Makar's loop."""
    keep_memory()
    net = initialised(SHAPE, 0)
    run_block = torch.compile(block_rows, dynamic=False)
    learner = Learner(net, places(net, TOKENS, CPU), dtype_of(precision), run_block)
    settings = Optimise(name=optimiser_name, rate=1e-3)  # type: ignore[arg-type]
    optimiser = Optimiser(dict(net.named_parameters()), settings, parts_of(net), dtype_of(precision))
    inputs, targets = batch()

    def step() -> float:
        (next_token_loss(learner, inputs, targets) / targets.numel()).backward()
        optimiser.clip()
        optimiser.step(1e-3)
        return float(targets.numel())

    return step


def nanogpt_step(folder: Path, precision: str) -> Step:
    """One step of nanoGPT's own loop (train.py), from its own model.py, compiled whole as it does by default."""
    spec = importlib.util.spec_from_file_location("nanogpt_model", folder / "model.py")
    assert spec is not None and spec.loader is not None, f"there is no model.py in {folder}"
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    model = module.GPT(module.GPTConfig(block_size=TOKENS, vocab_size=SHAPE.vocab_size, n_layer=SHAPE.num_layers,
                                        n_head=SHAPE.num_heads, n_embd=SHAPE.dim, dropout=0.0, bias=False))
    adamw = model.configure_optimizers(0.1, 1e-3, (0.9, 0.95), "cpu")
    compiled = torch.compile(model)
    inputs, targets = batch()

    def step() -> float:
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            _, loss = compiled(inputs, targets)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        adamw.step()
        adamw.zero_grad(set_to_none=True)
        return float(targets.numel())

    return step


def products(precision: str) -> Step:
    """Large square products, for the rate that is the ceiling of all."""
    a, b = (torch.randn(1024, 1024, dtype=dtype_of(precision)) for _ in range(2))

    def step() -> float:
        for _ in range(50):
            torch.mm(a, b)
        return 50 * 2.0 * 1024**3

    return step


class Turns(TrainerCallback):
    """Lets a Trainer that runs in its own thread take one step at a time."""

    def __init__(self) -> None:
        self.go, self.done = threading.Semaphore(0), threading.Semaphore(0)

    def on_step_begin(self, *args: Any, **kwargs: Any) -> None:
        """Waits for its turn."""
        self.go.acquire()

    def on_step_end(self, *args: Any, **kwargs: Any) -> None:
        """The turn is over."""
        self.done.release()

    def take(self) -> float:
        """One step."""
        self.go.release()
        self.done.acquire()
        return float(ROWS * TOKENS)


def trainer_step(precision: str, out: str) -> Step:
    """One step of the transformers library's Trainer over its Llama of the same shape."""
    model = LlamaForCausalLM(LlamaConfig(
        vocab_size=SHAPE.vocab_size, hidden_size=SHAPE.dim, intermediate_size=SHAPE.hidden_dim,
        num_hidden_layers=SHAPE.num_layers, num_attention_heads=SHAPE.num_heads, num_key_value_heads=SHAPE.num_kv_heads,
        max_position_embeddings=TOKENS, tie_word_embeddings=True, bos_token_id=0, eos_token_id=0, pad_token_id=None,
        use_cache=False))
    inputs, _ = batch()
    rows = [{"input_ids": row, "labels": row} for row in inputs] * 1000
    settings = TrainingArguments(
        output_dir=out, per_device_train_batch_size=ROWS, max_steps=10**6, num_train_epochs=10**6, use_cpu=True,
        bf16=precision == "bf16", weight_decay=0.1, learning_rate=1e-3, optim="adamw_torch_fused", report_to=[],
        logging_strategy="no", save_strategy="no", disable_tqdm=True, dataloader_num_workers=0)
    turns = Turns()
    trainer = Trainer(model=model, args=settings, train_dataset=rows, callbacks=[turns])  # type: ignore[arg-type]
    threading.Thread(target=trainer.train, daemon=True).start()
    return turns.take


def main() -> None:
    """Prints medians, ratios and the share of the ceiling."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--nanogpt", type=Path, help="a clone of nanoGPT")
    parser.add_argument("--precision", choices=("auto", "fp32", "bf16"), default="auto")
    args = parser.parse_args()
    precision = pick_precision(args.precision, CPU)
    num = sum(weight.numel() for weight in initialised(SHAPE, 0).parameters())
    print(f"{machine()}\n{num:,} weights, {ROWS} x {TOKENS} tokens a step, {precision}", flush=True)
    with tempfile.TemporaryDirectory() as out:
        contestants = {"makar adamw": Apart(makar_step, precision, "adamw"),
                       "makar muon": Apart(makar_step, precision, "muon"),
                       "HF Trainer": Apart(trainer_step, precision, out)}
        if args.nanogpt is not None:
            contestants["nanoGPT"] = Apart(nanogpt_step, args.nanogpt, precision)
        contestants["ceiling"] = Apart(products, precision)
        for run in contestants.values():
            run()  # what is compiled is compiled before the round that is not counted
        found = contest(contestants, rounds=args.rounds)
    best, per_token = max(found.rates["ceiling"]), flops_per_token(SHAPE, TOKENS)
    for name in (name for name in contestants if name != "ceiling"):
        rate = found.median(name)
        against = "  ".join(f"{found.ratio(name, peer):.2f}x {peer}" for peer in ("nanoGPT", "HF Trainer")
                            if peer in contestants)
        print(f"{name:<12} {rate:>8,.0f} tok/s  {against}  {rate * per_token / best:.0%} of {best / 1e9:,.0f} GFLOP/s")
    print(found.rounds)


if __name__ == "__main__":
    main()
