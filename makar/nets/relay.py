"""Two nets along the way from noise to a picture: one sees it as a whole and draws until the time of the handover, when
there is still little to be seen; a Transformer over its patches draws on from there.

Source: experts for parts of the way: Balaji et al. 2022, arXiv:2211.01324, section 4
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from makar.nets import components, patches
from makar.nets.components import ComponentNet
from makar.nets.patches import Condition, PatchTransformer
from makar.nets.shapes import Patches, PictureShape, Relayed, shape_of


class Relay(nn.Module):
    """Noisy picture to clean picture, by the net that is responsible for its time."""

    def __init__(self, config: Relayed) -> None:
        super().__init__()
        self.config = config
        self.first, self.second = ComponentNet(config.first), PatchTransformer(config.second)

    def forward(self, pictures: Tensor, time: Tensor, condition: Condition) -> Tensor:
        """Shapes: pictures (B, C, S, S), time (B,) -> (B, C, S, S)"""
        early = time < self.config.handover
        if early.all() or not early.any():
            net = self.first if early.all() else self.second
            one: Tensor = net(pictures, time, condition)
            return one
        out = torch.empty_like(pictures)
        for net, rows in ((self.first, early), (self.second, ~early)):
            out[rows] = net(pictures[rows], time[rows], condition.of(rows))
        return out


PictureNet = PatchTransformer | Relay


def new_net(config: PictureShape, seed: int) -> PictureNet:
    """A net to be trained."""
    if isinstance(config, Patches):
        return patches.initialised(config, seed)
    net = Relay(config)
    net.first, net.second = components.initialised(config.first, seed), patches.initialised(config.second, seed)
    return net


def net_of(architecture: Mapping[str, Any]) -> PictureNet:
    """The net that a checkpoint tells of, without its weights.

    Raises: TypeError, KeyError (it tells of no such net)
    """
    shape = shape_of(architecture)
    return PatchTransformer(shape) if isinstance(shape, Patches) else Relay(shape)


def parts_of(config: PictureShape) -> dict[str, tuple[int, ...]]:
    """The rows of the several maps that one matrix of a block holds."""
    if isinstance(config, Patches):
        return patches.parts_of(config)
    own = {f"first.blocks.{layer}.gate_up.weight": (config.first.hidden_dim,) * 2
           for layer in range(config.first.num_layers)}
    return own | {f"second.{name}": rows for name, rows in patches.parts_of(config.second).items()}


def blocks_of(net: PictureNet) -> list[nn.Module]:
    """What is compiled by itself."""
    stacks = [net.first.blocks, net.second.blocks] if isinstance(net, Relay) else [net.blocks]
    return [block for stack in stacks for block in stack]
