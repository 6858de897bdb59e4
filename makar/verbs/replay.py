"""The verb `replay`: a work made again from its record."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from makar.ledger import Ledger
    from makar.provenance.replay import Replay


def replay(work: str, *, ledger: Ledger | None = None) -> Replay:
    """Makes the work of that id (or its beginning) again; `.same` tells whether it is the same, byte for byte.

    Raises: BadInput, LedgerBroken, NotHere
    """
    from makar.ledger import open_ledger
    from makar.provenance.replay import replay as made_again

    if ledger is not None:
        return made_again(ledger, work)
    with open_ledger() as own:
        return made_again(own, work)
