"""How surprised a model is by a text: perplexity per token, and bits per byte, which compares across tokenizers.

The text is read through windows of 1,024 tokens (less where the model's context is shorter) that move on by half a
window; a window scores only the tokens no earlier one did, so each is scored once and, after the first window, with at
least half a window before it. The very first token, which has nothing before it, is not scored: it is the model's own
beginning of text where it has one, else the first of the text.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from makar.evaluate.measure import Figure, Item, Measure, Model, Task, text_ids
from makar.evaluate.statistics import Interval, bootstrap_ratio
from makar.kit.errors import BadInput
from makar.kit.files import read_text

WINDOW_TOK = 1024
BLOCK_TOK = 64  # neighbouring tokens are not independent, so the bootstrap draws blocks of this many


@dataclass(frozen=True)
class Window:
    """Tokens to read and how many of the last of them to score."""

    ids: tuple[int, ...]
    num_scored: int


def windows(ids: Sequence[int], window_tok: int) -> Iterator[Window]:
    """Windows that together score every token of `ids` but the first, each once."""
    scored_to = 1
    for start in range(0, len(ids), max(1, window_tok // 2)):
        end = min(start + window_tok, len(ids))
        if end > scored_to:
            yield Window(tuple(ids[start:end]), end - scored_to)
        scored_to = max(scored_to, end)


def tasks(model: Model, path: Path) -> list[Task]:
    """The windows of a text file.

    Raises: NotHere, BadInput (not UTF-8, too short)
    """
    ids = text_ids(model, read_text(path, limit_bytes=100_000_000))
    if len(ids) < 2:
        raise BadInput(f"'{path}' has {len(ids)} tokens; perplexity needs at least 2")
    return [Task(str(number), window) for number, window in enumerate(windows(ids, min(WINDOW_TOK, model.context_tok)))]


def run(model: Model, todo: Sequence[Task]) -> Iterator[Item]:
    """For each window, its blocks as [surprise in nats, tokens, bytes]."""
    for task in todo:
        window: Window = task.content
        surprise = [-value for value in model.score(window.ids)[-window.num_scored:].tolist()]
        scored = window.ids[-window.num_scored:]
        blocks = [[math.fsum(surprise[at:at + BLOCK_TOK]), len(scored[at:at + BLOCK_TOK]),
                   sum(len(model.tokenizer.bytes_of(token)) for token in scored[at:at + BLOCK_TOK])]
                  for at in range(0, len(scored), BLOCK_TOK)]
        yield Item(task.key, {"blocks": blocks})


def figures(items: Sequence[Item]) -> tuple[Figure, ...]:
    """Perplexity per token and bits per byte, over all blocks."""
    nats, num_tok, num_bytes = zip(*(block for item in items for block in item.outcome["blocks"]), strict=True)
    per_token, per_byte = bootstrap_ratio(nats, num_tok), bootstrap_ratio(nats, num_bytes)
    total, bit = math.fsum(nats), math.log(2)
    return (
        Figure("perplexity per token", math.exp(total / sum(num_tok)),
               Interval(math.exp(per_token.low), math.exp(per_token.high), per_token.method)),
        Figure("bits per byte", total / sum(num_bytes) / bit,
               Interval(per_byte.low / bit, per_byte.high / bit, per_byte.method)),
    )


MEASURE = Measure(
    name="perplexity",
    summary="perplexity per token and bits per byte of a text file",
    settings={"window_tok": WINDOW_TOK, "stride_frac": 0.5, "block_tok": BLOCK_TOK},
    tasks=tasks, run=run, figures=figures,
)
