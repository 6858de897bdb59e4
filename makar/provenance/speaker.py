"""Language models that are on this machine, to compare a text with what they might have said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from makar import store
from makar.generate.load import TINY, load
from makar.kit.errors import MakarError
from makar.room import room

if TYPE_CHECKING:
    from makar.marks.likelihood import Speaker


def speaker_of(name: str) -> Speaker:
    """The model of that name, which must be in the store: recognising a work downloads nothing.

    Raises: UnknownName, NotHere, Damaged, BadInput (it has no words)
    """
    from makar.marks.likelihood import Speaker

    if name != TINY:
        store.stored(name, pull=False)
    model = load(room("text"), name)
    return Speaker(model.name, model.tokenizer, model.guesses)


def speaker_here(name: str) -> Speaker | None:
    """The same, and None where it cannot be had: a record names whatever model made its work, anywhere."""
    try:
        return speaker_of(name)
    except MakarError:
        return None
