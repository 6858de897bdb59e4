"""Keys and values of the tokens a batch has seen, one slot per sequence."""

from __future__ import annotations

import torch
from torch import Tensor


class Cache:
    """Room for `num_slots` sequences of `capacity_tok` tokens; grows by copying.

    Active sequences fill the first slots, so that a step over the batch reads one contiguous block.

    Shapes: keys[layer], values[layer] (slots, kv_heads, capacity, head_dim)
    """

    def __init__(self, num_layers: int, num_kv_heads: int, head_dim: int, dtype: torch.dtype = torch.float32) -> None:
        self.num_slots, self.capacity_tok = 0, 0
        self._shape = (num_kv_heads, head_dim)
        self.keys = [torch.empty(0, num_kv_heads, 0, head_dim, dtype=dtype) for _ in range(num_layers)]
        self.values = [keys.clone() for keys in self.keys]

    def bytes_of(self, num_slots: int, capacity_tok: int) -> int:
        """What `reserve` of this many takes."""
        heads, dim = self._shape
        return sum(2 * num_slots * heads * _whole(capacity_tok) * dim * keys.itemsize for keys in self.keys)

    def reserve(self, num_slots: int, capacity_tok: int) -> None:
        """Grows to at least this many slots and tokens; what is stored stays."""
        num_slots = max(num_slots, self.num_slots)
        capacity_tok = max(self.capacity_tok, _whole(capacity_tok))
        if (num_slots, capacity_tok) == (self.num_slots, self.capacity_tok):
            return
        heads, dim = self._shape
        for store in (self.keys, self.values):
            for layer, old in enumerate(store):
                new = torch.zeros(num_slots, heads, capacity_tok, dim, dtype=old.dtype)
                new[: self.num_slots, :, : self.capacity_tok] = old
                store[layer] = new
        self.num_slots, self.capacity_tok = num_slots, capacity_tok

    def move(self, source: int, target: int, num_tok: int) -> None:
        """Copies the first `num_tok` tokens of slot `source` over slot `target`."""
        for store in (self.keys, self.values):
            for tensor in store:
                tensor[target, :, :num_tok] = tensor[source, :, :num_tok]

    def read(self, slot: int, start: int, end: int) -> Tensor:
        """A copy of tokens [start, end) of a slot. Shapes: (2, layers, kv_heads, end - start, head_dim)"""
        return torch.stack([torch.stack([tensor[slot, :, start:end] for tensor in store])
                            for store in (self.keys, self.values)])

    def write(self, slot: int, start: int, part: Tensor) -> None:
        """Puts back at `start` what `read` gave."""
        end = start + part.shape[3]
        for store, layers in zip((self.keys, self.values), part, strict=True):
            for tensor, piece in zip(store, layers, strict=True):
                tensor[slot, :, start:end] = piece


def _whole(num_tok: int) -> int:
    """A multiple of 256, so that growing is rare."""
    return -(-num_tok // 256) * 256
