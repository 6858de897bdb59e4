"""The optimisers of a run as one, its learning rate, and the average of its weights."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.optim import AdamW, Optimizer

from makar.nets.transformer import Transformer
from makar.train.config import Optimise
from makar.train.muon import Muon


def learning_rate(peak: float, step: int, *, warmup_steps: int, decay_start: int, decay_steps: int) -> float:
    """The rate of step `step`, counted from 0: up, level, and down to nearly nothing.

    Source: Hu et al. 2024, arXiv:2404.06395, section 4
    """
    if step < warmup_steps:
        return peak * (step + 1) / warmup_steps
    if step < decay_start:
        return peak
    return peak * max(0.0, 1 - (step - decay_start + 1) / (decay_steps + 1))


class Optimiser:
    """AdamW, or Muon for the matrices of the blocks and AdamW for the rest, over weights with names."""

    def __init__(self, weights: Mapping[str, Tensor], settings: Optimise, parts: Mapping[str, tuple[int, ...]],
                 dtype: torch.dtype) -> None:
        self._weights, self._settings = dict(weights), settings
        muon = {name for name, weight in weights.items()
                if settings.name == "muon" and "blocks." in name and weight.dim() == 2}
        rate = settings.rate or 0.0
        fused = next(iter(weights.values())).device.type in ("cpu", "cuda")
        rest = {name: weight for name, weight in weights.items() if name not in muon}
        groups = [{"params": [w for w in rest.values() if w.dim() == 2], "weight_decay": settings.weight_decay},
                  {"params": [w for w in rest.values() if w.dim() != 2], "weight_decay": 0.0}]
        self._all: list[Optimizer] = [AdamW([group for group in groups if group["params"]], lr=rate,
                                            betas=(settings.beta1, settings.beta2), fused=fused)] if rest else []
        if muon:
            self._all.append(Muon([weights[name] for name in sorted(muon)], rate=rate,
                                  weight_decay=settings.weight_decay, dtype=dtype,
                                  parts={id(weights[name]): rows for name, rows in parts.items() if name in muon}))
        self.average = {name: weight.detach().clone() for name, weight in weights.items()} if settings.ema else {}

    @torch.no_grad()
    def clip(self) -> Tensor:
        """Scales the gradient down to the largest norm allowed, and returns the norm it had."""
        gradients = [weight.grad for weight in self._weights.values() if weight.grad is not None]
        norm = torch.nn.utils.get_total_norm(gradients)
        scale = (self._settings.clip / (norm + 1e-6)).clamp(max=1.0)
        torch._foreach_mul_(gradients, scale)
        return norm

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """Moves the weights, then their average, and clears the gradient."""
        for weight in self._weights.values():
            # The fused AdamW of a processor takes the gradient's numbers as they lie, whatever its strides say.
            if weight.grad is not None and weight.grad.stride() != weight.stride():
                weight.grad = torch.empty_like(weight).copy_(weight.grad)
        for optimiser in self._all:
            for group in optimiser.param_groups:
                group["lr"] = rate
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        if self.average:
            torch._foreach_lerp_(list(self.average.values()), [w.detach() for w in self._weights.values()],
                                 1 - self._settings.ema)

    def state(self) -> dict[str, Tensor]:
        """Everything a later process needs to go on: `opt/KEY/WEIGHT` and `ema/WEIGHT`."""
        names = {id(weight): name for name, weight in self._weights.items()}
        found = {f"opt/{key}/{names[id(weight)]}": value for optimiser in self._all
                 for weight, state in optimiser.state.items() for key, value in state.items()}
        return found | {f"ema/{name}": value for name, value in self.average.items()}

    @torch.no_grad()
    def load(self, state: Mapping[str, Tensor]) -> None:
        """Puts back what `state` gave."""
        owner = {name: optimiser for optimiser in self._all for group in optimiser.param_groups
                 for weight in group["params"] for name in self._weights if self._weights[name] is weight}
        for key, value in state.items():
            kind, _, rest = key.partition("/")
            if kind == "opt":
                part, _, name = rest.partition("/")
                weight = self._weights[name]
                like_it = value.shape == weight.shape  # then its numbers lie as the weight's do, see `step`
                owner[name].state[weight][part] = torch.empty_like(weight, dtype=value.dtype).copy_(
                    value) if like_it else value.to(weight.device)
            elif kind == "ema":
                self.average[rest].copy_(value)


def parts_of(net: Transformer) -> dict[str, tuple[int, ...]]:
    """The rows of the several maps that one stored matrix holds: q, k and v; gate and up."""
    c = net.config
    qkv = (c.num_heads * c.head_dim, c.num_kv_heads * c.head_dim, c.num_kv_heads * c.head_dim)
    found: dict[str, tuple[int, ...]] = {}
    for layer in range(c.num_layers):
        found[f"blocks.{layer}.attention.qkv.weight"] = qkv
        found[f"blocks.{layer}.mlp.gate_up.weight"] = (c.hidden_dim, c.hidden_dim)
    return found
