"""HumanEval by another engine: Hugging Face transformers on the same GGUF file, asked and judged as `makar eval` does.

    python benchmarks/humaneval.py --data humaneval.jsonl [--model qwen2.5-coder-1.5b] [--batch 16] [-o answers.jsonl]

Prints the share that passes with its interval and, where the ledger has Makar's own result on the same weights and
data, how many problems the two decide differently, with the exact test of McNemar. Goes on from `answers.jsonl`.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
from math import comb
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # before torch loads OpenMP: cores may be shared

import torch
from peer import load_ours, read_by_transformers
from transformers import PreTrainedModel, StoppingCriteria, StoppingCriteriaList

from makar.codecs.bpe import Tokenizer
from makar.evaluate.humaneval import MEASURE, STOP, job, passes, program
from makar.evaluate.measure import Item, Task
from makar.kit.files import sha256_file
from makar.ledger import open_ledger
from makar.methods.autoregress import Job, Runtime

LOOKED_BACK_TOK = 12


class Stops(StoppingCriteria):
    """Ends a row where one of the stop strings stands in its last tokens."""

    def __init__(self, tokenizer: Tokenizer, prompt_tok: int) -> None:
        self.tokenizer, self.prompt_tok = tokenizer, prompt_tok

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor, **_: object) -> torch.Tensor:
        """Shapes: (B, T) -> (B,)"""
        tails = input_ids[:, self.prompt_tok:][:, -LOOKED_BACK_TOK:].tolist()
        return torch.tensor([any(stop in self.tokenizer.decode(tail) for stop in STOP) for tail in tails])


def answer(peer: PreTrainedModel, tokenizer: Tokenizer, jobs: list[Job], eos_ids: tuple[int, ...]) -> list[str]:
    """The greedy answers of a batch, padded on the left."""
    longest, pad = max(len(one.prompt_ids) for one in jobs), eos_ids[0]
    prompts = torch.tensor([[pad] * (longest - len(one.prompt_ids)) + list(one.prompt_ids) for one in jobs])
    mask = torch.tensor([[0] * (longest - len(one.prompt_ids)) + [1] * len(one.prompt_ids) for one in jobs])
    with torch.inference_mode():
        made = peer.generate(prompts, attention_mask=mask, max_new_tokens=jobs[0].sampling.max_tok, do_sample=False,
                             eos_token_id=list(eos_ids), pad_token_id=pad,
                             stopping_criteria=StoppingCriteriaList([Stops(tokenizer, longest)]))
    texts = [tokenizer.decode([one for one in row if one not in eos_ids]) for row in made[:, longest:].tolist()]
    return [text[:min([text.find(stop) for stop in STOP if stop in text] or [len(text)])] for text in texts]


def ours(sha256: str, data: Path) -> dict[str, dict[str, object]]:
    """What Makar made of each problem, by the newest result of the whole file in the ledger."""
    with open_ledger() as ledger:
        for stamp in ledger.stamps("evaluation", newest_first=True):
            body = stamp.body
            if (body["measure"] == "humaneval" and body["model"]["sha256"] == sha256 and body["data"]["limit"] is None
                    and body["data"]["sha256"] == sha256_file(data)):
                lines = ledger.content(body["items"]).decode().splitlines()
                return {item["key"]: item["outcome"] for item in map(json.loads, lines)}
    return {}


def main() -> None:
    """Answers, judges and compares."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="qwen2.5-coder-1.5b")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("-o", "--output", type=Path, default=Path("humaneval-transformers.jsonl"))
    args = parser.parse_args()
    model = load_ours(args.model, Runtime("plain"))
    peer = read_by_transformers(args.model, torch.float32)
    rows = args.output.read_text().splitlines() if args.output.exists() else []
    done = {row["key"]: row for row in map(json.loads, rows)}
    tasks, own = MEASURE.tasks(model, args.data), ours(model.sha256, args.data)
    # a batch lasts as long as its longest answer: those that were alike in length with Makar go together
    todo = sorted((task for task in tasks if task.key not in done),
                  key=lambda task: len(str(own.get(task.key, {}).get("answer", task.content["prompt"]))))
    for start in range(0, len(todo), args.batch):
        batch = todo[start:start + args.batch]
        jobs = [job(model, task.content["prompt"]) for task in batch]
        texts = answer(peer, model.tokenizer, jobs, model.card.eos_ids)
        with args.output.open("a") as file:
            for task, text in zip(batch, texts, strict=True):
                done[task.key] = judged(task, text)
                file.write(f"{json.dumps(done[task.key])}\n")
        print(f"{len(done)} of {len(tasks)} answered", flush=True)
    report(args.model, done, own)


def judged(task: Task, text: str) -> dict[str, object]:
    """An answer and whether it passes."""
    token = secrets.token_hex(8)
    passed, why = passes(program(task.content, text, token), token)
    return {"key": task.key, "passed": passed, "complaint": why, "answer": text}


def report(name: str, peer: dict[str, dict[str, object]], own: dict[str, dict[str, object]]) -> None:
    """Prints the peer's figure and what differs from Makar's."""
    figure = MEASURE.figures([Item(key, row) for key, row in peer.items()])[0]
    interval = figure.interval
    print(f"{name}, transformers fp32: {figure.value:.1%} ({interval.low:.1%} to {interval.high:.1%}) of {len(peer)}")
    shared = peer.keys() & own.keys()
    if not shared:
        print("no result of Makar's own in this ledger: makar eval humaneval --model NAME --data FILE")
        return
    only_ours = sum(bool(own[key]["passed"]) and not peer[key]["passed"] for key in shared)
    only_peer = sum(bool(peer[key]["passed"]) and not own[key]["passed"] for key in shared)
    num, least = only_ours + only_peer, min(only_ours, only_peer)
    p = min(1.0, 2 * sum(comb(num, k) for k in range(least + 1)) / 2 ** num)
    num_ours = sum(bool(own[key]["passed"]) for key in shared)
    print(f"makar: {num_ours / len(shared):.1%} of the same; passed by makar alone {only_ours}, by transformers alone "
          f"{only_peer} (McNemar p = {p:.2f})")



if __name__ == "__main__":
    main()
