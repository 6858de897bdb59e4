"""`makar.code.explain`: what a file or one function of it does, in words."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from makar.verbs.code.options import CodeSettings, options_of
from makar.verbs.code.source import find, place, read_python, text_of

if TYPE_CHECKING:
    from makar.ledger import Ledger
    from makar.provenance.released import Released


def explain(where: str | Path, *, ledger: Ledger | None = None, **settings: Unpack[CodeSettings]) -> Released:
    """What the code in `FILE` or `FILE:NAME` does, as Markdown. See CodeOptions.

    Raises: Withheld, BadInput, UnknownName (lists the functions), NotHere, NoNetwork, Interrupted
    """
    from makar.rooms.code import CodeRequest
    from makar.verbs.code.bench import bench

    options, spot = options_of(settings), place(where)
    source = read_python(spot.path)
    part = source if spot.name is None else text_of(source, find(source, spot.name, spot.path))
    with bench("explain", {"source": part, "name": spot.name or ""}, {}, options, ledger) as own:
        made = own.ask(CodeRequest("explain", own.model, source=part, instruction=spot.name or ""))
        return own.release(made.text.strip() + "\n", "text/markdown")
