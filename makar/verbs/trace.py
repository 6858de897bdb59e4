"""`makar.trace`, `makar.index` and `makar.forget`: what a text repeats, of what, and taking a document out."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from makar.kit.errors import BadInput
from makar.kit.files import read_text

if TYPE_CHECKING:
    from makar.ledger import Ledger
    from makar.provenance.released import Released
    from makar.tracing.forget import Forgotten
    from makar.tracing.index import Index
    from makar.tracing.origin import Document
    from makar.tracing.report import Trace

MOST_BYTES = 20_000_000


def trace(work: str | Path | Released, corpora: str | Path | Sequence[str | Path] = (), *, min_tok: int = 20,
          edited: bool = True) -> Trace:
    """Every span of at least `min_tok` tokens that a document of the corpora holds verbatim, and edited copies.

    work: a text, the path of a file, or a released work
    corpora: indexes by name or path, folders or corpora (which are indexed if they are not yet); all that there are in
    the home folder where none is named
    Raises: BadInput, NotHere, UnknownName, Damaged (a corpus that changed since it was indexed)
    """
    from makar.provenance.released import Released
    from makar.tracing.report import trace_in
    from makar.tracing.shelf import open_all

    record: Mapping[str, Any] = {}
    if isinstance(work, Released):
        text, record = work.text, work.record
    elif isinstance(work, Path):
        text, record = read_text(work, limit_bytes=MOST_BYTES), {}
        record = _record_beside(work) or _signed_record(work, text)
    else:
        text = work
    if not text.strip():
        raise BadInput("there is nothing to trace: the text is empty")
    names = [corpora] if isinstance(corpora, (str, Path)) else list(corpora)
    indexes = open_all(names, build=True)
    return trace_in(indexes, text, min_tok, edited=edited, training_data=_training_data(record, indexes))


def index(source: str | Path, out: str | Path | None = None, *, licence: str = "unknown", name: str = "",
          told: Callable[[Document], None] | None = None) -> Index:
    """Indexes a folder, a file or a corpus, to trace in it and to check works against it.

    licence: SPDX, of the files of which neither their head nor their folder tells one
    told: is told of each document, for progress
    Raises: BadInput (nothing to index), NotHere, OutOfRoom
    """
    from makar.tracing.build import BuildOptions
    from makar.tracing.shelf import build_index

    return build_index(source, None if out is None else Path(out).expanduser(), BuildOptions(name, told=told), licence)


def forget(document: str, corpus: str | Path, *, ledger: Ledger | None = None) -> Forgotten:
    """Takes a document out of a corpus and its indexes, and names every checkpoint that saw it.

    Of a folder that is only indexed the file stays; the index leaves it out from now on.
    Raises: UnknownName, NotHere, BadInput, Damaged, OutOfRoom
    """
    from makar.ledger import open_ledger
    from makar.tracing.forget import forget as take_out

    path = Path(corpus).expanduser()
    if ledger is not None:
        return take_out(document, path, ledger)
    with open_ledger() as own:
        return take_out(document, path, own)


def _record_beside(path: Path) -> Mapping[str, Any]:
    """The record that was saved with a released work, if there is one."""
    beside = path.with_name(f"{path.name}.record.json")
    if not beside.is_file():
        return {}
    try:
        record = json.loads(read_text(beside))
    except json.JSONDecodeError as error:
        raise BadInput(f"'{beside}' is no record of a work: {error}") from error
    return record if isinstance(record, dict) else {}


def _signed_record(path: Path, text: str) -> Mapping[str, Any]:
    """The record that was signed with the text, if it is as it was signed."""
    from makar.provenance.credentials.media import HEAD_BYTES, media_of
    from makar.provenance.credentials.read import read
    from makar.provenance.credentials.sign import sidecar_path

    beside = sidecar_path(path)
    with path.open("rb") as file:
        media = media_of(str(path), file.read(HEAD_BYTES))
        signature = read(file, media, beside.read_bytes() if beside.is_file() else None, text=text)
    return signature.manifest if signature.state == "valid" and signature.manifest is not None else {}


def _training_data(record: Mapping[str, Any], indexes: Sequence[Index]) -> str:
    from makar.tracing.report import NOT_DISCLOSED

    checkpoint = record.get("checkpoint") or {}
    told = str(checkpoint.get("training_data") or "").strip()
    if not told or "not disclosed" in told.lower():
        return NOT_DISCLOSED
    own = [one.name for one in indexes if one.root in told]
    return f"{told} ({', '.join(own)}, looked in here)" if own else f"{told} (not looked in here)"
