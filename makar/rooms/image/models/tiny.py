"""A picture model with random weights: builds at once, downloads nothing, draws coloured squares."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from makar.codecs.hashed import NUM_STATES
from makar.codecs.prompts import Prompts
from makar.kit.files import sha256_bytes
from makar.native.pictures import picture_net
from makar.nets.patches import PatchTransformer
from makar.nets.shapes import Patches
from makar.rooms.image.models.patchflow import PatchFlow
from makar.rooms.image.styles import Looks

CONFIG = Patches(size_px=32, patch_px=8, dim=64, num_layers=2, num_looks=3, word_dim=NUM_STATES, hidden_dim=128,
                context_tok=4, bottleneck=32)
CONCEPTS = ("circle", "square", "cross", "bar")


def _squares(weight: Tensor) -> Tensor:
    """The weights of a patch's first value for all of it, since pure noise would pass for a broken picture.

    Shapes: (patch_px * patch_px * channels, D), in the order of `nets.patches.picture_of`
    """
    values = weight.view(CONFIG.channels, CONFIG.patch_px**2, -1)
    return values[:, :1].expand_as(values).reshape(weight.shape)


def build() -> PatchFlow:
    """The tiny model; the same weights every time."""
    net = PatchTransformer(CONFIG)
    random = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in net.parameters():
            weight.copy_(torch.randn(weight.shape, generator=random) * weight.shape[-1] ** -0.5)
        net.out.weight.copy_(_squares(net.out.weight))
        net.out.bias.zero_()
        net.out.bias[-CONFIG.patch_px**2:] = 1.0  # most of it is painted
    sha256 = sha256_bytes(b"".join(weight.detach().numpy().tobytes() for weight in net.parameters()))
    prompts = Prompts("hashed", np.eye(NUM_STATES, dtype=np.float32), np.zeros(NUM_STATES, np.float32),
                      np.full(NUM_STATES, 0.03, np.float32))
    vectors = np.stack([prompts.words(concept).mean(0) for concept in CONCEPTS])
    weights = {name: weight.detach().numpy() for name, weight in net.named_parameters()}
    return PatchFlow("tiny", sha256, "none: its weights are random", CONFIG, picture_net(CONFIG, weights), prompts,
                     Looks(("filled", "hollow", "pixel"), ("filled", "hollow", "pixel"), ("pixel",)), CONCEPTS, vectors)
