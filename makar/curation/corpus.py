"""A corpus: the documents that were kept, those that were not and why, and one root that names all of it."""

from __future__ import annotations

import bisect
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from makar.curation.record import ID_CHARS, SPLITS, Dropped, Record
from makar.curation.shards import Frame, Series, Shard, ShardProof, compress, leaf_of, root_of
from makar.kit.config import canonical, from_json, to_json
from makar.kit.errors import BadInput, Damaged, MakarError, NotHere, UnknownName
from makar.kit.files import atomic_write

FORMAT = "makar-corpus/1"
MANIFEST = "corpus.json"
SHARD_BYTES = 64_000_000
KEPT, LEFT_OUT = "records", "dropped"
T = TypeVar("T")


@dataclass(frozen=True)
class Account:
    """What a corpus says of itself beside its documents.

    parent: the root of the corpus it was made from by taking documents out
    sets: the evaluations that were kept out of it
    """

    name: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)
    sources: tuple[Mapping[str, Any], ...] = ()
    counts: Mapping[str, Any] = field(default_factory=dict)
    parent: str = ""
    sets: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True)
class Manifest:
    """The file `corpus.json`. `root` covers everything but the hashes of compressed files."""

    format: str
    root: str
    account: Account
    records: tuple[ShardProof, ...]
    dropped: tuple[ShardProof, ...]

    def computed_root(self) -> str:
        """The root that the parts have: the node above the account, the kept and the dropped."""
        account = leaf_of(canonical(self.account).encode())
        nodes = [bytes.fromhex(root_of(b"".join(bytes.fromhex(proof.root) for proof in proofs)))
                 for proofs in (self.records, self.dropped)]
        return root_of(b"".join([account, *nodes]))


class CorpusWriter:
    """Writes a corpus into a folder that does not exist yet; it is a corpus once `finish` returns."""

    def __init__(self, folder: Path, *, shard_bytes: int = SHARD_BYTES) -> None:
        self.folder = folder
        self._kept = Series(folder / KEPT, shard_bytes)
        self._dropped = Series(folder / LEFT_OUT, shard_bytes)

    def keep(self, record: Record) -> None:
        """Adds a document."""
        self._kept.add(frame_of(record))

    def keep_frame(self, frame: Frame) -> None:
        """Adds a document that was compressed before."""
        self._kept.add(frame)

    def drop(self, dropped: Dropped) -> None:
        """Adds a document that was not kept."""
        self._dropped.add(frame_of(dropped))

    def drop_frame(self, frame: Frame) -> None:
        """Adds a document that was not kept, compressed before."""
        self._dropped.add(frame)

    def close(self) -> None:
        """Ends the open shards; without `finish` the folder is no corpus."""
        self._kept.close()
        self._dropped.close()

    def finish(self, account: Account) -> str:
        """Writes the manifest; returns the root."""
        self.close()
        self.folder.mkdir(parents=True, exist_ok=True)
        unnamed = Manifest(FORMAT, "", account, tuple(self._kept.proofs), tuple(self._dropped.proofs))
        root = unnamed.computed_root()
        named = {**to_json(unnamed), "root": root}
        atomic_write(self.folder / MANIFEST, json.dumps(named, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
        return root


def frame_of(document: Record | Dropped) -> Frame:
    """A document as it lies in a shard."""
    split = SPLITS.index(document.split) if isinstance(document, Record) else 0
    # A lone surrogate can come out of JSON; it is no Unicode text, and readers replace it before this.
    return compress(canonical(document).encode(), document.id, num_chars=len(document.content), split=split)


def open_corpus(path: str | Path, *, verify: bool = True) -> Corpus:
    """The corpus in the folder `path`. With `verify` every file is hashed, without it only the manifest; documents are
    checked against their hashes whenever they are read.

    Raises: NotHere, BadInput (no corpus), Damaged (bytes that changed)
    """
    folder = Path(path)
    try:
        text = (folder / MANIFEST).read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise NotHere(f"there is no corpus in '{folder}' (no {MANIFEST}); "
                      f"make one: makar curate SOURCE -o {folder}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise Damaged(f"'{folder / MANIFEST}' cannot be read: {error}") from error
    manifest = _parsed(text, folder / MANIFEST)
    if manifest.computed_root() != manifest.root:
        raise Damaged(f"'{folder}' is not the corpus it says it is: its root should be {manifest.root[:16]}, "
                      f"but it hashes to {manifest.computed_root()[:16]}; make it again")
    corpus = Corpus(folder, manifest)
    if verify:
        corpus.check_files()
    return corpus


def _parsed(text: str, path: Path) -> Manifest:
    try:
        data = json.loads(text)
        if not isinstance(data, dict) or data.get("format") != FORMAT:
            raise BadInput(f"'{path}' is no manifest of a corpus of the form {FORMAT}")
        proofs = {key: tuple(from_json(ShardProof, item) for item in data[key]) for key in (KEPT, LEFT_OUT)}
        account = from_json(Account, data["account"])
        return Manifest(FORMAT, str(data["root"]), account, proofs[KEPT], proofs[LEFT_OUT])
    except (json.JSONDecodeError, KeyError, TypeError, AttributeError, MakarError) as error:
        raise Damaged(f"'{path}' is no manifest of a corpus: {error}") from error


class Corpus:
    """A corpus on disk, memory-mapped. Documents come in the order in which they were read."""

    def __init__(self, path: Path, manifest: Manifest) -> None:
        self.path, self.manifest = path, manifest
        self.root = manifest.root
        self._kept = [Shard(path / KEPT, proof.name) for proof in manifest.records]
        self._dropped = [Shard(path / LEFT_OUT, proof.name) for proof in manifest.dropped]
        self._starts = list(itertools.accumulate((len(shard) for shard in self._kept), initial=0))

    @property
    def name(self) -> str:
        """What the corpus is called; its folder's name where it was not named."""
        return self.manifest.account.name or self.path.name

    @property
    def name_in_datasheet(self) -> str:
        """What it was named, else the beginning of its root: a datasheet does not depend on the folder's name."""
        return self.manifest.account.name or f"corpus {self.root[:12]}"

    @property
    def config(self) -> Mapping[str, Any]:
        """The resolved configuration it was made with."""
        return self.manifest.account.config

    @property
    def counts(self) -> Mapping[str, Any]:
        """How many documents were read, kept, and dropped by which reason."""
        return self.manifest.account.counts

    @property
    def shards(self) -> Sequence[Shard]:
        """The shards of the documents that were kept."""
        return self._kept

    def __len__(self) -> int:
        return self._starts[-1]

    def records(self, split: str | None = None) -> Iterator[Record]:
        """The documents of a split, or all. Raises: UnknownName, Damaged"""
        if split is not None and split not in SPLITS:
            raise UnknownName("split", split, SPLITS)
        wanted = None if split is None else SPLITS.index(split)
        for shard in self._kept:
            for index in range(len(shard)):
                if wanted is None or int(shard.table["split"][index]) == wanted:
                    yield record_of(shard.raw(index))

    def num_records(self, split: str) -> int:
        """How many documents a split has. Raises: UnknownName"""
        if split not in SPLITS:
            raise UnknownName("split", split, SPLITS)
        return sum(int(np.count_nonzero(shard.table["split"] == SPLITS.index(split))) for shard in self._kept)

    def at(self, position: int) -> Record:
        """The document at a place in the order. Raises: IndexError, Damaged"""
        if not 0 <= position < len(self):
            raise IndexError(position)
        shard = bisect.bisect_right(self._starts, position) - 1
        return record_of(self._kept[shard].raw(position - self._starts[shard]))

    def record(self, id: str) -> Record:
        """The document of an id, or of the only id that begins so.

        Raises: NotHere (not kept, or not known), BadInput (several ids begin so), Damaged
        """
        found = list(itertools.islice(self.find(id), 2))
        if len(found) == 2:
            raise BadInput(f"several documents begin with '{id}', {found[0].id} and {found[1].id} among them; "
                           "give more of the id")
        if not found:
            raise NotHere(f"no document '{id}' was kept in '{self.path}'; "
                          f"makar corpus why {self.path} {id} tells whether it was dropped")
        return found[0]

    def find(self, prefix: str) -> Iterator[Record]:
        """The kept documents whose id begins with `prefix`."""
        for shard, index in _places(self._kept, prefix):
            record = record_of(shard.raw(index))
            if record.id.startswith(prefix):
                yield record

    def find_dropped(self, prefix: str) -> Iterator[Dropped]:
        """The dropped documents whose id begins with `prefix`."""
        for shard, index in _places(self._dropped, prefix):
            dropped = dropped_of(shard.raw(index))
            if dropped.id.startswith(prefix):
                yield dropped

    def dropped(self, reason: str | None = None) -> Iterator[Dropped]:
        """What was not kept, all of it or for one reason. Raises: Damaged"""
        for shard in self._dropped:
            for raw in shard.raws():
                dropped = dropped_of(raw)
                if reason is None or dropped.reason == reason:
                    yield dropped

    def datasheet(self) -> Mapping[str, Any]:
        """The datasheet as Croissant JSON-LD. Raises: Damaged"""
        path = self.path / "datasheet" / "croissant.json"
        try:
            sheet: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise Damaged(f"the datasheet '{path}' cannot be read: {error}") from error
        return sheet

    def check_files(self) -> None:
        """Every file against the hashes that the root covers. Raises: Damaged"""
        for shards, proofs in ((self._kept, self.manifest.records), (self._dropped, self.manifest.dropped)):
            for shard, proof in zip(shards, proofs, strict=True):
                shard.check(proof)

    def verify(self) -> int:
        """Reads every document and checks it against its hash; returns how many there are. Raises: Damaged"""
        self.check_files()
        return sum(1 for shard in [*self._kept, *self._dropped] for _ in shard.raws())


def _places(shards: Sequence[Shard], prefix: str) -> Iterator[tuple[Shard, int]]:
    """Where documents lie whose id may begin with `prefix`: the table knows its first 16 digits."""
    digits = prefix.lower()[:16]
    if not digits or len(prefix) > ID_CHARS or any(digit not in "0123456789abcdef" for digit in prefix.lower()):
        raise BadInput(f"'{prefix}' is no id of a document: expected up to {ID_CHARS} hexadecimal digits")
    low, high = np.uint64(int(digits.ljust(16, "0"), 16)), np.uint64(int(digits.ljust(16, "f"), 16))
    for shard in shards:
        ids = shard.table["id"]
        for index in np.flatnonzero((ids >= low) & (ids <= high)):
            yield shard, int(index)


def record_of(raw: bytes) -> Record:
    """A record from its canonical JSON. Raises: Damaged"""
    return _document(Record, raw)


def dropped_of(raw: bytes) -> Dropped:
    """A dropped document from its canonical JSON. Raises: Damaged"""
    return _document(Dropped, raw)


def _document(cls: type[T], raw: bytes) -> T:
    try:
        data = json.loads(raw)
        data["lineage"] = tuple(data["lineage"])
        return cls(**data)
    except (ValueError, TypeError, KeyError) as error:
        raise Damaged(f"a document of the corpus has not the fields of a {cls.__name__}: {error}") from error
