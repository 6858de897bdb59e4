"""Small models with random weights."""

from __future__ import annotations

import torch

from makar.nets.transformer import Config, Transformer


def random_net(config: Config, seed: int = 0) -> Transformer:
    """The plain fp32 Transformer, with weights of a trained one's size."""
    random = torch.Generator().manual_seed(seed)
    net = Transformer(config)
    with torch.no_grad():
        for name, weight in net.named_parameters():
            spread = 0.1 if "norm" in name or weight.dim() == 1 else weight.shape[1] ** -0.5
            weight.copy_(torch.randn(weight.shape, generator=random) * spread + ("norm" in name))
    return net.requires_grad_(False).eval()
