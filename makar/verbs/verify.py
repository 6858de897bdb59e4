"""The verb `verify`: what can be said of a file or a content, whoever made it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from makar.kit.errors import BadInput, NotHere

if TYPE_CHECKING:
    from makar.ledger import Ledger
    from makar.provenance.recognise import Book, Finding

SKIPPED = (".c2pa", ".record.json")  # a signature goes with its file


def verify(source: str | Path | bytes, *, sidecar: bytes | None = None, ledger: Ledger | None = None,
           model: str | None = None) -> Finding:
    """What is known of a file (by its path) or of content (as bytes): signature, mark, fingerprint, ledger entry.

    sidecar: the signature that goes with content given as bytes; of a file it is looked for in FILE.c2pa
    model: a language model on this machine that may have written it: the mark of short or edited texts is found by
    comparing them with what it might have said. None asks the one that the manifest or ledger names, if it is here

    Raises: NotHere, BadInput, LedgerBroken, UnknownName
    """
    from makar.provenance.recognise import recognise, recognise_bytes

    with _book(ledger, model) as book:
        if isinstance(source, bytes):
            return recognise_bytes(source, book, sidecar=sidecar)
        if not Path(source).is_file():
            raise NotHere(f"there is no file '{source}'; of a whole folder: makar verify FOLDER")
        return recognise(Path(source), book)


def verify_all(paths: Sequence[Path], *, ledger: Ledger | None = None,
               model: str | None = None) -> Iterator[Finding | BadInput]:
    """What is known of each file; of one that cannot be read, the error that says so."""
    from makar.provenance.recognise import recognise

    with _book(ledger, model) as book:
        for path in paths:
            try:
                yield recognise(path, book)
            except BadInput as error:
                yield error


def files_of(paths: Sequence[Path]) -> list[Path]:
    """The files named, and those in the folders named, hidden ones and signatures left out.

    Raises: NotHere
    """
    found = list[Path]()
    for path in paths:
        if path.is_dir():
            found += sorted(file for file in path.rglob("*") if file.is_file() and not _is_hidden(file, path)
                            and not file.name.endswith(SKIPPED))
        elif path.exists():
            found.append(path)
        else:
            raise NotHere(f"there is no file or folder '{path}'")
    return found


def _is_hidden(file: Path, below: Path) -> bool:
    return any(part.startswith(".") for part in file.relative_to(below).parts)


@contextmanager
def _book(ledger: Ledger | None, model: str | None) -> Iterator[Book]:
    from makar.ledger import open_ledger
    from makar.provenance.recognise import open_book

    if ledger is not None:
        yield open_book(ledger, model)
        return
    with open_ledger() as own:
        yield open_book(own, model)
