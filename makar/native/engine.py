"""A Transformer over packed weights, with the face of `nets.transformer.Transformer`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from makar.kit.errors import BadInput, UnknownName
from makar.native.cache import RowCache
from makar.native.cpu import default_threads, paths
from makar.native.kernel import Kernel, Threads
from makar.native.library import PATHS
from makar.native.rows import Rows, check_wanted
from makar.native.twin import Twin, rows_of
from makar.native.weights import Weights, check_weights
from makar.nets.transformer import Config, Rotary


@dataclass(frozen=True)
class Options:
    """How an engine runs. `path`: None for the fastest here, else one of `cpu.paths()`; `cache`: see RowCache.

    finely: the activations of the blocks, too, have twice 8 bits, which costs up to twice the arithmetic
    """

    path: str | None = None
    num_threads: int | None = None
    cache: str = "bfloat16"
    finely: bool = False


class Engine:
    """Token ids to logits, over a cache. A row's numbers depend neither on other rows nor on the number of threads.

    Raises: Damaged (weights of another model), BadInput (a shape the kernel does not take), UnknownName (path or cache)
    """

    def __init__(self, config: Config, weights: Weights, options: Options | None = None) -> None:
        check_weights(config, weights)
        if config.head_dim % 16 or config.num_heads % config.num_kv_heads:
            raise BadInput(f"packed weights need heads of a multiple of 16 that share keys evenly; this model has "
                           f"{config.num_heads} of {config.head_dim} over {config.num_kv_heads}")
        self.config, self.options, self.weights = config, options or Options(), weights
        self.path = self.options.path or paths()[0]
        if self.path not in (*PATHS, "twin"):
            raise UnknownName("path", self.path, paths())
        self.num_threads = self.options.num_threads or default_threads()
        self._rotary = Rotary(config)
        self._runner: Kernel | Twin
        if self.path == "twin":
            self._runner = Twin(config, weights, self.options.finely)
        else:
            self._runner = Kernel(config, weights, Threads(self.path, self.num_threads), self.options.finely)

    def new_cache(self) -> RowCache:
        """An empty cache of this shape and of the form the options ask for."""
        return RowCache(self.config, self.options.cache)

    @torch.inference_mode()
    def forward_rows(self, tokens: Sequence[int], slots: Sequence[int], positions: Sequence[int], cache: RowCache,
                     logits_rows: Sequence[int]) -> Tensor:
        """Computes rows of any sequences at once: a batch's step, a chunk of a prompt, guesses to be verified. Row r
        is `tokens[r]` at `positions[r]` of the sequence in `slots[r]`, which it sees up to itself.

        Shapes: (len(logits_rows), vocab), fp32
        Raises: BadInput (a token, slot or position that is not there)
        """
        rows = Rows(tokens, slots, positions)
        check_wanted(logits_rows, len(tokens))
        rotation = self._rotation(rows, cache)
        return self._runner.forward(rows, rotation, cache, logits_rows)

    @torch.inference_mode()
    def hidden(self, rows: Rows, cache: RowCache) -> Tensor:
        """Shapes: (rows, dim), normalised: the input of `logits`

        Raises: BadInput (a token, slot or position that is not there)
        """
        return self._runner.hidden(rows, self._rotation(rows, cache), cache)

    def __call__(self, tokens: Tensor, starts: Sequence[int], cache: RowCache, first_slot: int = 0) -> Tensor:
        """Runs T tokens of each of B sequences that stand at `starts`, in slots from `first_slot` on.

        Shapes: tokens (B, T) -> (B * T, dim), normalised: the input of `logits`
        """
        return self.hidden(rows_of(tokens, starts, first_slot), cache)

    def _rotation(self, rows: Rows, cache: RowCache) -> tuple[Tensor, Tensor]:
        rows.check(self.config, cache)
        return self._rotary.at(torch.tensor(rows.positions), max(rows.positions) + 1)

    @torch.inference_mode()
    def logits(self, hidden: Tensor) -> Tensor:
        """Shapes: (rows, dim) -> (rows, vocab), fp32"""
        return self._runner.logits(hidden)
