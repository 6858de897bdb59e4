"""The rows of one call: any tokens of any sequences at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from makar.kit.errors import BadInput
from makar.native.cache import RowCache
from makar.nets.transformer import Config


@dataclass(frozen=True)
class Rows:
    """Row r is `tokens[r]` at `positions[r]` of the sequence in `slots[r]`; it sees that sequence up to itself.

    A batch's step, a chunk of a prompt and guessed tokens to be verified are all rows; rows of one slot stand in order.
    Raises: BadInput (from `check`)
    """

    tokens: Sequence[int]
    slots: Sequence[int]
    positions: Sequence[int]

    def check(self, config: Config, cache: RowCache) -> None:
        """Refuses what the model or the cache has no place for."""
        num_rows = len(self.tokens)
        if not num_rows == len(self.slots) == len(self.positions) or num_rows == 0:
            raise BadInput(f"rows: {num_rows} tokens, {len(self.slots)} slots, {len(self.positions)} positions; "
                           "expected as many of each, and at least one")
        if cache.config != config:
            raise BadInput("rows: the cache was made for a model of another shape; take the engine's new_cache()")
        room = min(config.context_tok, cache.capacity_tok)
        for what, values, end in (("token", self.tokens, config.vocab_size), ("slot", self.slots, cache.num_slots),
                                  ("position", self.positions, room)):
            if min(values) < 0 or max(values) >= end:
                raise BadInput(f"rows: {what}s from {min(values)} to {max(values)}; expected 0 to {end - 1}")


def check_wanted(wanted: Sequence[int], num_rows: int) -> None:
    """Refuses rows that are not there.

    Raises: BadInput
    """
    if any(not 0 <= row < num_rows for row in wanted):
        raise BadInput(f"logits of rows {list(wanted)[:8]}; there are {num_rows}")
