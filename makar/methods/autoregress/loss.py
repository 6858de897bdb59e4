"""What a next-token model learns by: the surprise at each next token, and documents rearranged around a gap."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from makar.methods.autoregress.language import Fim
from makar.nets.linear import Linear
from makar.nets.rows import Places, RunBlock, hidden_rows, project
from makar.nets.transformer import Transformer

NOT_LEARNED = -100
"""A target that stands for no token: nothing is learned there."""
MOST_LOGITS = {"cpu": 1 << 25, "cuda": 1 << 29}


@dataclass(frozen=True)
class Learner:
    """A net with all that its forward pass over rows needs."""

    net: Transformer
    at: Places
    dtype: torch.dtype
    run_block: RunBlock | None = None


def next_token_loss(learner: Learner, inputs: Tensor, targets: Tensor) -> Tensor:
    """The sum of -ln p(target) over all targets that are to be learned.

    Shapes: inputs, targets (B, T) -> ()
    Units: nats
    """
    hidden = hidden_rows(learner.net, inputs, learner.at, learner.dtype, learner.run_block).flatten(0, 1)
    head = learner.net.embed if learner.net.head is None else learner.net.head
    return summed_loss(head, hidden, targets.flatten())


def summed_loss(head: Linear, hidden: Tensor, targets: Tensor) -> Tensor:
    """The same from the hidden states. Where all logits at once would take much memory they are made in parts, and
    made again for the gradient.

    Shapes: hidden (rows, dim), targets (rows,) -> ()
    """
    part_rows = max(1, MOST_LOGITS.get(hidden.device.type, 1 << 25) // head.weight.shape[0])
    if len(hidden) <= part_rows:
        return _surprise(head, hidden, targets)
    total = torch.zeros((), device=hidden.device)
    for part, wanted in zip(hidden.split(part_rows), targets.split(part_rows), strict=True):
        total = total + checkpoint(_surprise, head, part, wanted, use_reentrant=False)
    return total


def _surprise(head: Linear, hidden: Tensor, targets: Tensor) -> Tensor:
    return functional.cross_entropy(project(head, hidden).float(), targets, ignore_index=NOT_LEARNED, reduction="sum")


def logprobs(learner: Learner, inputs: Tensor, targets: Tensor) -> Tensor:
    """The log-probability of each row's targets, summed over those that are to be learned.

    Shapes: inputs, targets (B, T) -> (B,)
    Units: nats
    """
    hidden = hidden_rows(learner.net, inputs, learner.at, learner.dtype, learner.run_block)
    head = learner.net.embed if learner.net.head is None else learner.net.head
    rows = [-summed_loss(head, row, wanted) for row, wanted in zip(hidden, targets, strict=True)]
    return torch.stack(rows)


def around_a_gap(text: str, encode: Callable[[str], list[int]], fim: Fim, random: Random) -> list[int]:
    """The tokens of `text` as prefix, suffix and then middle, cut at two random characters, the way gaps are asked for.

    Source: Bavarian et al. 2022, arXiv:2207.14255, section 3 (character-level cuts, prefix-suffix-middle order)
    """
    first, second = sorted(int(random.random() * (len(text) + 1)) for _ in range(2))
    return [fim.prefix, *encode(text[:first]), fim.suffix, *encode(text[second:]), fim.middle,
            *encode(text[first:second])]
