"""Makes the works one after another, verifies the ledger, and writes the page."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from pathlib import Path

from makar import store
from makar.apps.demo.exhibit import Chain, Exhibit, Request
from makar.apps.demo.page import page
from makar.apps.demo.works import Stage, works
from makar.generate.load import load
from makar.kit.files import atomic_write
from makar.ledger import Ledger, open_ledger
from makar.room import room


def perform(folder: Path, model: str | None = None, *, before: Callable[[int, int, Request], None],
            after: Callable[[Exhibit], None]) -> tuple[Path, Chain]:
    """Makes every work and returns the page and what verifying the ledger gave.

    before, after: told of each work as it begins (number, how many, request) and ends

    Raises: UnknownName, NoNetwork, OutOfRoom, BadInput, LedgerBroken, Interrupted
    """
    target = folder / "index.html"
    atomic_write(target, "<!doctype html><title>Makar</title><p>The demonstration is still being made.</p>\n")
    start_s = time.monotonic()
    exhibits: list[Exhibit] = []
    with open_ledger() as ledger:
        newest = next(ledger.stamps(newest_first=True, limit=1), None)
        stage = Stage(model or store.default_model(), folder, ledger)
        load(room("text"), stage.model)  # so that no work's time holds a download
        planned = works(stage.model)
        for number, (request, make) in enumerate(planned, start=1):
            before(number, len(planned), request)
            exhibits.append(make(stage))
            after(exhibits[-1])
        chain = verified(ledger, since_seq=0 if newest is None else newest.seq)
    atomic_write(target, page(exhibits, chain, facts(exhibits[0], time.monotonic() - start_s)))
    return target, chain


def verified(ledger: Ledger, since_seq: int) -> Chain:
    """The stamps after `since_seq`, and the verification of all."""
    start_s = time.monotonic()
    report = ledger.verify()
    spent_s = time.monotonic() - start_s
    stamps = tuple({"seq": str(stamp.seq), "kind": stamp.kind, "id": stamp.id}
                   for stamp in ledger.stamps(since_seq=since_seq))
    return Chain(report.ok, report.num_stamps, report.problems, spent_s, stamps)


def facts(exhibit: Exhibit, spent_s: float) -> dict[str, str]:
    """What made the works, and on what."""
    checkpoint = exhibit.record["checkpoint"]
    return {
        "Model": checkpoint["name"],
        "Weights": f"{checkpoint['sha256'][:12]}…",
        "Trained on": checkpoint["training_data"],
        "Machine": f"{platform.machine()}, {os.cpu_count()} cores, no GPU used",
        "Time in all": f"{spent_s:.0f} s",
    }
