"""Low-rank adapters on a net whose own weights stay as they are, so that many can stand over one base."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor

from makar.kit.errors import Damaged
from makar.nets.linear import Adapter, Linear
from makar.nets.transformer import Transformer


def attach(net: Transformer, rank: int, scale: float, seed: int = 0) -> None:
    """Gives every linear map of the blocks an adapter that does nothing yet."""
    random = torch.Generator().manual_seed(seed)
    for module in net.blocks.modules():
        if isinstance(module, Linear):
            num_out, num_in = module.weight.shape
            module.adapter = Adapter(num_in, num_out, rank, scale)
            with torch.no_grad():
                module.adapter.a.normal_(std=num_in**-0.5, generator=random)


def adapter_weights(net: Transformer) -> dict[str, Tensor]:
    """The adapters' weights by name, which are the net's names for them."""
    return {name: weight for name, weight in net.named_parameters() if ".adapter." in name}


@contextmanager
def without_adapters(net: Transformer) -> Iterator[None]:
    """The net as its base is, for the time of the block."""
    held = [(module, module.adapter) for module in net.modules() if isinstance(module, Linear)]
    for module, _ in held:
        module.adapter = None
    try:
        yield
    finally:
        for module, adapter in held:
            module.adapter = adapter


@torch.no_grad()
def load_adapters(net: Transformer, weights: Mapping[str, Tensor]) -> None:
    """Puts stored weights into the adapters that are there.

    Raises: Damaged (they do not fit)
    """
    wanted = adapter_weights(net)
    if wanted.keys() != weights.keys() or any(wanted[name].shape != weights[name].shape for name in wanted):
        raise Damaged("the adapter does not fit its base; add it again from its checkpoint")
    for name, weight in wanted.items():
        weight.copy_(weights[name])
