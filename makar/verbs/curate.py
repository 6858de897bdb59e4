"""`makar.curate`: sources in, a corpus out, and a stamp in the ledger that names it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
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
    """The corpus of files, folders and data sets of the hub (`hub:ORG/NAME`), written to the new folder `out`; its root
    is stamped in the ledger.

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

    places, stated = _obtained(sources)
    config = config or Config()
    if stated and not config.licence.stated:
        config = replace(config, licence=replace(config.licence, stated=stated))
    corpus = make(places, out, config, workers, resume=resume, progress=progress)
    if ledger is not None:
        _stamp(corpus, ledger)
    else:
        with open_ledger() as own:
            _stamp(corpus, own)
    if indexed:
        from makar.tracing.shelf import build_index

        build_index(corpus.path)
    return corpus


def _obtained(sources: Sequence[str | Path]) -> tuple[list[str | Path], str]:
    """The sources as they lie on this machine, and the licence that holds for all of them where one data set is all."""
    from makar.curation import spdx
    from makar.curation.readers import reader_of
    from makar.curation.record import UNKNOWN
    from makar.store.dataset import PREFIX, dataset

    places, licences = list[str | Path](), set[str]()
    for source in sources:
        if str(source).startswith(PREFIX):
            found = dataset(str(source), lambda path: reader_of(path) is not None)
            places.append(found.folder)
            licences.add(spdx.named(found.licence))
        else:
            places.append(source)
            licences.add(UNKNOWN)
    return places, "" if len(licences) != 1 or UNKNOWN in licences else licences.pop()


def _stamp(corpus: Corpus, ledger: Ledger) -> None:
    from makar.kit.config import canonical, to_json

    account = corpus.manifest.account
    ledger.append("curate", {
        "corpus": corpus.root, "name": account.name, "folder": str(corpus.path), "counts": to_json(account.counts),
        "config": to_json(account.config), "config_sha256": sha256_bytes(canonical(account.config).encode()),
        "sources": to_json(account.sources), "evaluation_sets": to_json(account.sets)})
