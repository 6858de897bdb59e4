"""`makar.curate`: sources in, a corpus out, and a stamp in the ledger that names it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from makar.kit.files import sha256_bytes

if TYPE_CHECKING:
    from makar.curation.config import CurateConfig
    from makar.curation.corpus import Corpus
    from makar.ledger import Ledger


def curate(*sources: str | Path, out: str | Path, config: CurateConfig | None = None, workers: int | None = None,
           resume: bool = False, indexed: bool = True, ledger: Ledger | None = None,
           progress: Callable[[int, int], None] | None = None) -> Corpus:
    """The corpus of files and folders, written to the new folder `out`; its root is stamped in the ledger.

    config: every rule and threshold (`makar.curation.config.CurateConfig`)
    workers: processes (all cores); the corpus is the same whatever their number
    resume: go on with an interrupted run
    indexed: build the index too, so that `makar.trace` finds what stands in the corpus
    progress: is told of the bytes of the sources done, and of all
    Raises: NotHere, BadInput, OutOfRoom, LedgerBroken
    """
    from makar.curation.config import CurateConfig as Config
    from makar.curation.curate import curate as make
    from makar.ledger import open_ledger

    corpus = make(sources, out, config or Config(), workers, resume=resume, progress=progress)
    if ledger is not None:
        _stamp(corpus, ledger)
    else:
        with open_ledger() as own:
            _stamp(corpus, own)
    if indexed:
        from makar.tracing.shelf import build_index

        build_index(corpus.path)
    return corpus


def _stamp(corpus: Corpus, ledger: Ledger) -> None:
    from makar.kit.config import canonical, to_json

    account = corpus.manifest.account
    ledger.append("curate", {
        "corpus": corpus.root, "name": account.name, "folder": str(corpus.path), "counts": to_json(account.counts),
        "config": to_json(account.config), "config_sha256": sha256_bytes(canonical(account.config).encode()),
        "sources": to_json(account.sources), "evaluation_sets": to_json(account.sets)})
