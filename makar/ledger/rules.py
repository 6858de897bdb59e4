"""Which stamps must come before which: a release without its decision is as broken as a changed byte."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from makar.ledger.stamp import Row

Find = Callable[[str], Row | None]

# kind -> the keys of its body that must name an earlier stamp of the kind after the colon
NEEDS = {
    "window": ("request",),
    "partial": ("request",),
    "artifact": ("request",),
    "verdicts": ("artifact",),
    "decision": ("artifact", "verdicts"),
    "release": ("request", "artifact", "verdicts", "decision"),
    "withheld": ("request", "artifact", "verdicts", "decision"),
}
LETS_OUT = ("release", "mask")
KEEPS_IN = ("hold", "refuse")


def breaches(row: Row, find: Find) -> Iterator[str]:
    """What this stamp lacks among the stamps before it, in words. `find` gives the stamp of an id."""
    body = json.loads(row.body)
    for kind in NEEDS.get(row.kind, ()):
        named = body.get(kind)
        earlier = find(named) if isinstance(named, str) else None
        if earlier is None or earlier.kind != kind or earlier.seq >= row.seq:
            yield f"stamp {row.seq} ({row.kind}) has no {kind} stamp before it"
        elif kind == "decision":
            yield from _against_decision(row, body, json.loads(earlier.body))


def _against_decision(row: Row, body: dict[str, Any], decision: dict[str, Any]) -> Iterator[str]:
    allowed = LETS_OUT if row.kind == "release" else KEEPS_IN
    if decision.get("action") not in allowed:
        yield f"stamp {row.seq} ({row.kind}) goes against its decision, which says {decision.get('action')}"
    if any(decision.get(key) != body.get(key) for key in ("work", "artifact", "verdicts")):
        yield f"stamp {row.seq} ({row.kind}) names a decision about something else"
    if row.kind == "release" and decision.get("content") != body.get("content"):
        yield f"stamp {row.seq} (release) let out another content than its decision names"
