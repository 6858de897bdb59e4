"""What is indexed: the records of a corpus, or the text files of any folder."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from makar.curation import spdx
from makar.curation.corpus import KEPT, LEFT_OUT, MANIFEST, open_corpus
from makar.curation.folder import files_in, folder_root, name_in, read_bytes, root_of
from makar.curation.licence import of_folder
from makar.curation.record import UNKNOWN
from makar.kit.files import sha256_bytes

HEAD_CHARS = 4096


@dataclass(frozen=True)
class Document:
    """One document before it is indexed. `sha256` is of the bytes it was read from."""

    id: str
    source: str
    licence: str
    content: str
    sha256: str
    split: str = "train"


@dataclass
class Folder:
    """The text files of a folder, in order of their paths; hidden ones and links are left out.

    licence: of the files of which neither their head nor their folder tells one
    skipped: how many files were left out, by reason; filled as the documents are read
    """

    path: Path
    licence: str = UNKNOWN
    forgotten: frozenset[str] = frozenset()
    skipped: Counter[str] = field(default_factory=Counter)
    kind: str = "folder"
    _root: str = field(default="", init=False)

    def documents(self) -> Iterator[Document]:
        """Every file that holds text.

        Raises: NotHere, BadInput
        """
        self.skipped.clear()
        read = dict[str, str]()
        for path in files_in(self.path):
            name = name_in(self.path, path)
            if name not in self.forgotten:
                data, why = read_bytes(path)
                read[name] = why or sha256_bytes(data)
                if why:
                    self.skipped[why] += 1
                else:
                    text = _decoded(data)
                    yield Document(name, str(path), self._licence(path, text), text, read[name])
        self._root = root_of(read.items())

    def num_bytes(self) -> int:
        """What the files take on the disk."""
        return sum(path.stat().st_size for path in files_in(self.path))

    def root(self) -> str:
        """A hash that changes when a file is added, removed or changed: of what was read as documents, else of all
        that is there now.
        """
        return self._root or folder_root(self.path, self.forgotten)

    def _licence(self, path: Path, text: str) -> str:
        """By the head of the file, else by the licence file or the metadata of its folder, else as it was stated."""
        found = spdx.header_of(text[:HEAD_CHARS])
        if found == UNKNOWN:
            found, _ = of_folder(path.parent, self.path if self.path.is_dir() else path.parent, path.name)
        return self.licence if found == UNKNOWN else found

    def look(self) -> str:
        """A hash of names, sizes and times; as long as it is the same, nothing is read again."""
        return _look([self.path])


@dataclass
class CorpusOrigin:
    """The records of a corpus, all splits."""

    path: Path
    kind: str = "corpus"
    forgotten: frozenset[str] = frozenset()
    skipped: Counter[str] = field(default_factory=Counter)

    def documents(self) -> Iterator[Document]:
        """Every record.

        Raises: NotHere, Damaged
        """
        for record in open_corpus(self.path, verify=False).records():  # each is checked against its hash
            yield Document(record.id, record.source, record.licence, record.content, record.sha256, record.split)

    def num_bytes(self) -> int:
        """About three times what the compressed records take."""
        kept = self.path / KEPT
        return 3 * sum(path.stat().st_size for path in files_in(kept)) if kept.exists() else 0

    def root(self) -> str:
        """The corpus's root, every file having been hashed.

        Raises: Damaged
        """
        return open_corpus(self.path).root

    def look(self) -> str:
        """A hash of the names, sizes and times of what the root covers."""
        return _look([self.path / part for part in (MANIFEST, KEPT, LEFT_OUT) if (self.path / part).exists()])


def origin_at(path: Path, licence: str = UNKNOWN, forgotten: frozenset[str] = frozenset()) -> CorpusOrigin | Folder:
    """The corpus in the folder `path`, or else its files."""
    return CorpusOrigin(path) if (path / MANIFEST).is_file() else Folder(path, licence, forgotten)


def _look(places: Iterable[Path]) -> str:
    lines = hashlib.sha256()
    for path in (file for place in places for file in files_in(place)):
        told = path.stat()
        lines.update(f"{path}\0{told.st_size}\0{told.st_mtime_ns}\n".encode(errors="surrogateescape"))
    return lines.hexdigest()


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")  # every byte becomes a character; a wrong accent costs one word
