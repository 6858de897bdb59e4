"""A net over whole small pictures: the principal components of a noisy one, a time and a condition in, those of the
clean one out. What aligned and small pictures, such as icons, are as a whole it learns by products of matrices alone,
at a fraction of what a Transformer over patches costs; it does not learn what neighbouring pixels have in common.

The net is told nothing that two variances already say: were the components normal and apart, the best guess of each
would be a share of what is seen of it (Wiener); the net adds what is missing, in units of what is then still unknown.

Source: preconditioning: Karras et al. 2022, arXiv:2206.00364, section 5, here for each component by its own variance
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from makar.nets.patches import Condition, plain_norm, swiglu, wave
from makar.nets.shapes import LEAST_LEFT, Components

_ROUNDS, _MORE = 6, 32


class Block(nn.Module):
    """SwiGLU on a normalised input that is scaled and shifted, its result weighted by a gate.

    Source: Peebles & Xie 2022, arXiv:2212.09748 (adaLN-Zero); Chen et al. 2023, arXiv:2310.00426, section 2.3 (one map
    for all blocks and a table for each)
    """

    def __init__(self, config: Components) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.zeros(3, config.dim))
        self.gate_up = nn.Linear(config.dim, 2 * config.hidden_dim, bias=False)
        self.down = nn.Linear(config.hidden_dim, config.dim, bias=False)

    def forward(self, x: Tensor, modulation: Tensor) -> Tensor:
        """Shapes: x (B, dim), modulation (B, 3, dim) -> (B, dim)"""
        shift, scale, weight = (modulation + self.table).unbind(1)
        return x + weight * swiglu(plain_norm(x) * (1 + scale) + shift, self.gate_up, self.down)


class ComponentNet(nn.Module):
    """Noisy picture to clean picture, by way of its principal components. mean, basis and variance are data's, not
    learned: `principal` finds them.
    """

    def __init__(self, config: Components) -> None:
        super().__init__()
        c = self.config = config
        self.mean = nn.Parameter(torch.zeros(c.num_values), requires_grad=False)
        self.basis = nn.Parameter(torch.zeros(c.num_components, c.num_values), requires_grad=False)
        self.variance = nn.Parameter(torch.ones(c.num_components), requires_grad=False)
        num_told = (c.context_tok + 1) * c.word_dim
        self.seen = nn.Linear(c.num_components, c.dim)
        self.told = nn.Linear(num_told, 2 * c.dim, bias=False)
        self.look = nn.Embedding(c.num_looks + 1, 2 * c.dim)
        self.time = nn.Sequential(nn.Linear(256, c.dim), nn.SiLU(), nn.Linear(c.dim, c.dim))
        self.modulate = nn.Linear(c.dim, 3 * c.dim)
        self.blocks = nn.ModuleList(Block(c) for _ in range(c.num_layers))
        self.modulate_out = nn.Linear(c.dim, 2 * c.dim)
        self.out = nn.Linear(c.dim, c.num_components)

    def forward(self, pictures: Tensor, time: Tensor, condition: Condition) -> Tensor:
        """The clean pictures that the noisy ones seem to hide.

        Shapes: pictures (B, C, S, S), time (B,) -> (B, C, S, S)
        """
        t = time[:, None].to(self.basis.dtype)
        left = (1 - t).clamp(min=LEAST_LEFT)
        z = (pictures.flatten(1) - t * self.mean) @ self.basis.T
        seen = t**2 * self.variance + left**2
        words = torch.cat(((condition.words * condition.present.unsqueeze(-1)).flatten(1), condition.whole), 1)
        asked, way = (self.told(words) + self.look(condition.looks)).chunk(2, -1)
        state = functional.silu(self.time(wave(time, 256).to(self.basis.dtype)) + way)
        modulation = self.modulate(state).view(len(z), 3, -1)
        x = self.seen(z / seen.sqrt()) + asked
        for block in self.blocks:
            x = block(x, modulation)
        shift, scale = self.modulate_out(state).chunk(2, -1)
        missing = self.out(plain_norm(x) * (1 + scale) + shift)
        clean = t * self.variance / seen * z + left * (self.variance / seen).sqrt() * missing
        return (self.mean + clean @ self.basis).float().view_as(pictures)


def principal(values: Tensor, num: int, seed: int) -> dict[str, Tensor]:
    """The mean of pictures, their first principal components and the variance along each, by subspace iteration;
    components that there are not have variance 0.

    Shapes: values (N, V) -> mean (V,), basis (num, V), variance (num,)
    Source: Halko et al. 2011, arXiv:0909.4061, algorithm 4.4
    """
    mean = values.mean(0)
    apart = values - mean
    random = torch.Generator().manual_seed(seed)
    width = min(num + _MORE, values.shape[1])
    ways = torch.randn(values.shape[1], width, generator=random).to(values.device)
    for _ in range(_ROUNDS):
        ways = torch.linalg.qr(apart.T @ (apart @ ways)).Q
    _, sizes, turned = torch.linalg.svd(apart @ ways, full_matrices=False)
    basis, variance = torch.zeros(num, values.shape[1]), torch.zeros(num)
    found = (ways @ turned.T).T[:num]
    basis[:len(found)], variance[:len(found)] = found, sizes[:num] ** 2 / len(values)
    return {"mean": mean, "basis": basis, "variance": variance}


def initialised(config: Components, seed: int) -> ComponentNet:
    """A net to be trained: every block passes its input on, and nothing is added to the normal guess."""
    net = ComponentNet(config)
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in net.named_parameters():
            if name.startswith(("modulate", "out.")) or name.endswith((".bias", "table")):
                nn.init.zeros_(weight)
            elif weight.requires_grad:
                spread = 0.3 if name == "look.weight" else weight.shape[-1] ** -0.5
                nn.init.normal_(weight, std=spread, generator=random)
    return net
