"""Learning which of two answers is preferred, against what the base would have said."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from makar.methods.autoregress.loss import Learner, logprobs
from makar.nets.adapters import without_adapters


def margins(learner: Learner, inputs: Tensor, targets: Tensor) -> Tensor:
    """How much more than its base the net prefers each chosen answer to the rejected one, as a log-ratio.

    Shapes: inputs, targets (2 P, T), the chosen in even rows, the rejected behind them -> (P,)
    Units: nats
    """
    with torch.no_grad(), without_adapters(learner.net):
        before = logprobs(learner, inputs, targets)
    gained = logprobs(learner, inputs, targets) - before
    return gained[0::2] - gained[1::2]


def preference_loss(learner: Learner, inputs: Tensor, targets: Tensor, beta: float) -> Tensor:
    """The sum over pairs of -ln sigmoid(beta margin).

    Source: Rafailov et al. 2023, arXiv:2305.18290, eq. 7
    """
    return -functional.logsigmoid(beta * margins(learner, inputs, targets)).sum()
