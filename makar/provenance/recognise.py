"""What can be said of a file: who signed it, whose mark it carries, which release it is or is near to."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from makar.kit.config import canonical
from makar.kit.errors import BadInput, Damaged, MakarError
from makar.kit.files import sha256_bytes
from makar.ledger import Ledger, Report, Stamp
from makar.provenance.credentials import wrapper
from makar.provenance.credentials.media import HEAD_BYTES, Media, media_of, media_of_name
from makar.provenance.credentials.read import NONE, Signature, read
from makar.provenance.credentials.sign import sidecar_path
from makar.provenance.fingerprint import fingerprint, kind_of, near
from makar.provenance.fingerprint.shelf import Near, Shelf, find, find_marked, open_shelf
from makar.provenance.manifest import FORMS, disclosed
from makar.provenance.speaker import speaker_here, speaker_of
from makar.provenance.statements import statements

if TYPE_CHECKING:
    from makar.marks.likelihood import Speaker

MOST_BYTES = 64_000_000  # of a file that is looked through for marks and fingerprints; signatures have no limit


@dataclass(frozen=True)
class Book:
    """A ledger that works are looked up in: what its verification said, and the fingerprints of its releases.

    speaker: the language model that is asked about texts; None asks the one that a changed text's manifest or the
    ledger names, if it is here
    """

    ledger: Ledger
    report: Report
    shelf: Shelf
    speaker: Speaker | None = None


@dataclass(frozen=True)
class Entry:
    """What the ledger says of the release that a signed manifest names.

    state: stamped (just so), altered (the ledger says otherwise), absent
    """

    state: str
    stamp: Stamp | None = None


@dataclass(frozen=True)
class Finding:
    """All that was found of one file.

    mark: what the detector of its kind of media said; None where there is none, or nothing to look through
    carried: the release whose payload the mark carries
    entry: the ledger's own entry of what the signature names; release: the release it is, or is near to
    broken: what is wrong with the ledger itself
    notes: what else a reader must know, such as a name that does not fit the bytes
    """

    path: str
    media_type: str
    num_bytes: int
    signature: Signature
    mark: Any = None
    carried: Stamp | None = None
    entry: Entry | None = None
    release: Near | None = None
    broken: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())

    @property
    def says(self) -> tuple[str, ...]:
        """All of it in sentences that say what is known and no more."""
        return statements(self)

    @property
    def ok(self) -> bool:
        """Whether it is signed by a trusted key, unchanged since, and nothing here speaks against it."""
        signed = self.signature
        return (signed.state == "valid" and signed.trusted and not self.broken
                and (self.entry is None or self.entry.state != "altered"))

    @property
    def record(self) -> dict[str, Any]:
        """The finding as plain JSON values."""
        return {
            "path": self.path, "media_type": self.media_type, "num_bytes": self.num_bytes, "ok": self.ok,
            "says": list(self.says),
            "signature": {**vars(self.signature), "wrong": list(self.signature.wrong),
                          "parents": [{"title": title, "signed": signed} for title, signed in self.signature.parents]},
            "mark": None if self.mark is None else {**vars(self.mark), "checkpoints": list(self.mark.checkpoints)},
            "mark_release": None if self.carried is None else {
                "work": self.carried.body["work"], "stamp": self.carried.id},
            "ledger": None if self.entry is None else {
                "state": self.entry.state, "stamp": self.entry.stamp.id if self.entry.stamp else None},
            "ledger_problems": list(self.broken),
            "release": None if self.release is None else {
                "work": self.release.stamp.body["work"], "stamp": self.release.stamp.id, "at": self.release.stamp.at,
                "same_bytes": self.release.same, "num_bits_apart": self.release.num_bits},
            "notes": list(self.notes),
        }


def open_book(ledger: Ledger, model: str | None = None) -> Book:
    """The ledger, verified once for all files.

    model: the name of the language model that texts are compared with

    Raises: LedgerBroken, OutOfRoom, TimedOut, UnknownName, NotHere (no such model on this machine)
    """
    asked = None if model is None else speaker_of(model)
    report = ledger.verify()
    try:
        return Book(ledger, report, open_shelf(ledger), asked)
    except MakarError:
        if report.ok:
            raise
        # A broken ledger may not be readable far enough; the signatures still are.
        return Book(ledger, report, Shelf.nothing(), asked)


def recognise(path: Path, book: Book) -> Finding:
    """What can be said of the file at `path`.

    Raises: BadInput (no file that can be read)
    """
    try:
        beside = sidecar_path(path)
        sidecar = beside.read_bytes() if beside.is_file() else None
        with path.open("rb") as file:
            return _recognise(str(path), file, path.stat().st_size, sidecar, book)
    except OSError as error:
        raise BadInput(f"cannot read '{path}': {error.strerror}") from error


def recognise_bytes(data: bytes, book: Book, *, name: str = "", sidecar: bytes | None = None) -> Finding:
    """What can be said of content that is no file. `name` only helps to tell what it is."""
    return _recognise(name, io.BytesIO(data), len(data), sidecar, book)


def _recognise(name: str, file: BinaryIO, num_bytes: int, sidecar: bytes | None, book: Book) -> Finding:
    head = file.read(HEAD_BYTES)
    media = media_of(name, head)
    data, text, notes = _content(file, media, num_bytes)
    promised = media_of_name(name)
    if promised is not None and promised != media and num_bytes:
        notes.append(f"the name promises {promised.media_type}, the bytes are {media.media_type}")
    signature = read(file, media, sidecar, text=text) if num_bytes else NONE
    if signature.manifest is not None and signature.manifest.get("form") not in FORMS:
        form, known = signature.manifest.get("form"), ", ".join(map(str, FORMS))
        notes.append(f"its manifest has the form {form!r:.20}, which this version of Makar does not know; it knows "
                     f"{known}")
    if not num_bytes:
        notes.append("the file is empty")
    entry = _entry(signature.manifest, book.ledger)
    release = None if data is None or not num_bytes else _release(data, media, book)
    speaker = _speaker(book, signature, release) if media.text else None
    mark = _mark(media, wrapper.without(text) if media.text else data, notes, speaker)
    return Finding(name, media.media_type, num_bytes, signature, mark, _carried(mark, book), entry, release,
                   () if book.report.ok else book.report.problems, tuple(notes))


def _content(file: BinaryIO, media: Media, num_bytes: int) -> tuple[bytes | None, str | None, list[str]]:
    """The bytes and, of a text, the text; not where there are too many."""
    if num_bytes > MOST_BYTES:
        return None, None, [f"with {num_bytes:,} bytes it is too large to be looked through for marks and "
                            f"fingerprints (at most {MOST_BYTES:,}); its signature was checked whole"]
    file.seek(0)
    data = file.read()
    if not media.text:
        return data, None, []
    try:
        return data, data.decode(), []
    except UnicodeDecodeError as error:
        return data, None, [f"it is no UTF-8 from byte {error.start + 1} on"]


def _speaker(book: Book, signature: Signature, release: Near | None) -> Speaker | None:
    """Who may have said a text that is no longer as it was made."""
    if book.speaker is not None or signature.state == "valid":
        return book.speaker
    named = signature.manifest
    if named is None and release is not None and not release.same:
        with suppress(MakarError):  # what is wrong with the ledger is said elsewhere
            named = from_ledger(book.ledger, release.stamp)
    checkpoint = (named or {}).get("checkpoint")
    return speaker_here(str(checkpoint.get("name"))) if isinstance(checkpoint, dict) else None


def _mark(media: Media, content: str | bytes | None, notes: list[str], speaker: Speaker | None) -> Any:
    from makar.marks.kinds import mark_of

    mark = mark_of(media.media_type) if content else None
    if mark is None:
        return None
    try:
        return mark.detect(content) if speaker is None else mark.detect(content, speaker=speaker)
    except (Damaged, BadInput) as error:
        notes.append(f"no mark could be looked for: {error}")
        return None


def _carried(mark: Any, book: Book) -> Stamp | None:
    """The release whose payload was read in a mark."""
    if mark is None or not mark.found or mark.payload is None:
        return None
    return find_marked(book.ledger, book.shelf, {"scheme": mark.scheme, "key": mark.key, "payload": mark.payload})


def _entry(manifest: Mapping[str, Any] | None, ledger: Ledger) -> Entry | None:
    """What this ledger has of the release that a manifest names; None where it names none that can be read."""
    if manifest is None or manifest.get("form") not in FORMS:
        return None
    try:
        stamp = ledger.get(str(manifest["stamps"]["release"]))
        kept = from_ledger(ledger, stamp)
    except (KeyError, TypeError, BadInput):
        return Entry("absent")
    except MakarError:
        return Entry("altered")
    return Entry("stamped" if canonical(disclosed(kept)) == canonical(manifest) else "altered", stamp)


def from_ledger(ledger: Ledger, release: Stamp) -> dict[str, Any]:
    """The manifest of a release as it left, from the ledger.

    Raises: LedgerBroken, BadInput (no release)
    """
    kept: dict[str, Any] = json.loads(ledger.content(str(release.body.get("record"))))
    kept["stamps"]["release"] = release.id
    return kept


def _release(data: bytes, media: Media, book: Book) -> Near | None:
    found = find(book.ledger, book.shelf, sha256_bytes(data), fingerprint(media.media_type, data))
    limit = near(kind_of(media.media_type)) if found is not None and not found.same else 0
    return found if found is not None and found.num_bits <= limit else None
