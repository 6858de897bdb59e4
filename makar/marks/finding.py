"""What a detector found, and what that means in words."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """The outcome of looking for a mark.

    found: True, False, or None where it cannot be told (too short, too predictable, no key)
    p_value: how often something unmarked looks as marked as this, every key, tokenizer, lane and window that was tried
    taken into account
    key, checkpoints: whose mark, and which models speak the tokenizer it was found with; None and () if not found
    num_tok: tokens that count: those with a context of their own
    start, end: the characters where it is strongest
    payload: the bits that it carries, in hex, where its kind has some and they can be read for sure
    says: all of it in one sentence
    """

    found: bool | None
    p_value: float
    says: str
    scheme: str
    key: str | None = None
    checkpoints: tuple[str, ...] = ()
    num_tok: int = 0
    start: int = 0
    end: int = 0
    num_tests: int = 0
    payload: str | None = None
