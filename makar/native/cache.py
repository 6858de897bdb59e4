"""Keys and values as the kernel reads them: keys in blocks of 16 positions, so that 16 scores are computed at once."""

from __future__ import annotations

import torch
from torch import Tensor

from makar.kit.errors import UnknownName
from makar.nets.transformer import Config

BLOCK_TOK = 16
FORMS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "int8": torch.int8}


class RowCache:
    """Room for `num_slots` sequences of `capacity_tok` tokens; grows by copying. `int8` has a scale per head and token.

    Shapes: keys (layers, slots, kv_heads, capacity / 16, head_dim, 16), values (layers, slots, kv_heads, capacity,
        head_dim), scales (2, layers, slots, kv_heads, capacity) fp32, of keys and of values; empty unless int8
    Raises: UnknownName
    """

    def __init__(self, config: Config, form: str = "bfloat16") -> None:
        if form not in FORMS:
            raise UnknownName("form of cache", form, FORMS)
        self.form, self.num_slots, self.capacity_tok = form, 0, 0
        self.config = config
        self.keys, self.values, self.scales = self._room(0, 0)

    def bytes_of(self, num_slots: int, capacity_tok: int) -> int:
        """What `reserve` of this many takes."""
        c, size = self.config, FORMS[self.form].itemsize
        heads = 2 * c.num_layers * c.num_kv_heads * num_slots * _whole(capacity_tok, 256)
        return heads * (c.head_dim * size + (4 if self.form == "int8" else 0))

    def reserve(self, num_slots: int, capacity_tok: int) -> None:
        """Grows to at least this many slots and tokens; what is stored stays."""
        num_slots = max(num_slots, self.num_slots)
        capacity_tok = max(self.capacity_tok, _whole(capacity_tok, 256))
        if (num_slots, capacity_tok) == (self.num_slots, self.capacity_tok):
            return
        room = self._room(num_slots, capacity_tok)
        for new, old in zip(room, (self.keys, self.values, self.scales), strict=True):
            if old.numel():
                new[tuple(slice(length) for length in old.shape)] = old
        self.keys, self.values, self.scales = room
        self.num_slots, self.capacity_tok = num_slots, capacity_tok

    def move(self, source: int, target: int, num_tok: int) -> None:
        """Copies the first `num_tok` tokens of slot `source` over slot `target`."""
        if num_tok > 0 and source != target:
            for old, new in zip(self._parts(source, 0, num_tok), self._parts(target, 0, num_tok), strict=True):
                new.copy_(old)

    def read(self, slot: int, start: int, end: int) -> Tensor:
        """A copy of tokens [start, end) of a slot, start and end multiples of 16, as bytes for `write`."""
        return torch.cat([part.contiguous().view(torch.uint8).flatten() for part in self._parts(slot, start, end)])

    def write(self, slot: int, start: int, part: Tensor) -> None:
        """Puts back at `start` what `read` gave."""
        num_tok = part.numel() // (self.bytes_of(1, 256) // 256)
        parts = self._parts(slot, start, start + num_tok)
        pieces = part.split([piece.numel() * piece.itemsize for piece in parts])
        for piece, data in zip(parts, pieces, strict=True):
            # a copy begins at an address that suits any type
            piece.copy_(data.clone().view(piece.dtype).view(piece.shape))

    def _parts(self, slot: int, start: int, end: int) -> list[Tensor]:
        assert start % BLOCK_TOK == 0 and 0 <= start < end <= self.capacity_tok and 0 <= slot < self.num_slots
        first, last = start // BLOCK_TOK, -(-end // BLOCK_TOK)
        tokens = slice(first * BLOCK_TOK, last * BLOCK_TOK)
        parts = [self.keys[:, slot, :, first:last], self.values[:, slot, :, tokens]]
        return parts if self.form != "int8" else [*parts, self.scales[:, :, slot, :, tokens]]

    def _room(self, num_slots: int, capacity_tok: int) -> tuple[Tensor, Tensor, Tensor]:
        c, dtype = self.config, FORMS[self.form]
        heads = (c.num_layers, num_slots, c.num_kv_heads)
        return (torch.empty(*heads, capacity_tok // BLOCK_TOK, c.head_dim, BLOCK_TOK, dtype=dtype),
                torch.empty(*heads, capacity_tok, c.head_dim, dtype=dtype),
                torch.empty(2, *heads, capacity_tok if self.form == "int8" else 0))


def _whole(number: int, unit: int) -> int:
    return -(-number // unit) * unit
