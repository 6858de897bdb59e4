"""What accountability costs: checks, ledger and review, the mark, and constraints, each beside generation without.

    python benchmarks/overhead.py [--model smollm2-135m] [--rounds 5]
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import tempfile
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # before torch loads OpenMP: cores may be shared

from peer import load_ours
from trial import contest, machine

from makar.codecs.chat import Message
from makar.ledger import Ledger, open_ledger
from makar.marks.key import current_key
from makar.methods.autoregress import Constraint, Job, LanguageModel, Sampling
from makar.provenance.work import Work
from makar.rooms.text import ROOM, TextRequest

MESSAGES = (Message("user", "Tell a long story about a dragon who sells shoes to the king of France and his cat."),)
SAMPLING = Sampling(max_tok=200, temperature=0.7, seed=7)
# as long as any answer here: the constraint never ends the text, so that both make the same number of tokens
FREE_JSON = Constraint("json_schema", '{"type":"array","items":{"type":"object","properties":{"name":{"type":"string"},'
                       '"price":{"type":"number"},"tags":{"type":"array","items":{"type":"string"}}},'
                       '"required":["name","price","tags"],"additionalProperties":false},"minItems":50}')


def bare(model: LanguageModel, mark: str = "") -> float:
    """200 tokens with nothing around them, marked with the key of that id if there is one."""
    job = Job(tuple(model.render(MESSAGES)), dataclasses.replace(SAMPLING, mark=mark))
    return sum(piece.num_tok for piece in model.stream(job))


def accountable(model_name: str, ledger: Ledger) -> float:
    """The same 200 tokens as a released work: streamed in checked and stamped windows, decided upon, sealed."""
    work = Work(ROOM, TextRequest(MESSAGES, model_name, SAMPLING), ledger=ledger)
    for _ in work.stream():
        pass
    released = work.release()
    assert not isinstance(released, list)
    return float(released.record["num_tok"])


def held(model: LanguageModel, constraint: Constraint | None) -> float:
    """200 tokens under a constraint, or without one."""
    job = Job(tuple(model.render(MESSAGES)), dataclasses.replace(SAMPLING, temperature=1.0), constraint)
    return sum(piece.num_tok for piece in model.stream(job))


def main() -> None:
    """Prints how much slower accountable and constrained generation are than bare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    model, key = load_ours(args.model), current_key().id
    print(f"{args.model}; {machine()}\n200 tokens, streamed, batch 1")
    with tempfile.TemporaryDirectory() as folder, open_ledger(Path(folder) / "ledger.db") as ledger:
        result = contest({
            "bare": lambda: bare(model), "marked": lambda: bare(model, key),
            "accountable": lambda: accountable(args.model, ledger),
            "free": lambda: held(model, None), "JSON Schema": lambda: held(model, FREE_JSON)}, rounds=args.rounds)
    for name in result.rates:
        print(f"{name:12} {result.median(name):8.1f} tokens/s")
    print(f"checks + ledger + review cost {result.ratio('bare', 'accountable') - 1:+.1%} of generation time")
    print(f"the mark costs {result.ratio('bare', 'marked') - 1:+.1%} of generation time")
    print(f"the constraint costs {result.ratio('free', 'JSON Schema') - 1:+.1%} of unconstrained time per token")
    print(result.rounds)


if __name__ == "__main__":
    main()
