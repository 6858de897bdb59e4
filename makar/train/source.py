"""Where a run's documents come from: a corpus, or a folder of texts read as it is; either is named by a hash."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from makar.codecs.chat import Message
from makar.curation import open_corpus
from makar.curation.record import UNKNOWN
from makar.kit.errors import BadInput, NotHere
from makar.kit.files import sha256_bytes
from makar.train.conversations import read_lines

SUFFIXES = (".txt", ".md", ".rst", ".py", ".jsonl")
MOST_BYTES = 200_000_000
SECTION_CHARS = 16_000


@dataclass(frozen=True)
class Document:
    """One text to learn from, or a conversation; `rejected` is the answer that the last one is preferred to. `split`
    is empty where the source has none.
    """

    id: str
    text: str
    licence: str = UNKNOWN
    split: str = ""
    messages: tuple[Message, ...] = ()
    rejected: str = ""

    def held_out(self, frac: float) -> bool:
        """Whether it is kept for validation: as the source says, else by its own hash."""
        if self.split:
            return self.split != "train"
        return int(sha256_bytes(self.text.encode(errors="replace"))[:12], 16) / 16**12 < frac


@dataclass(frozen=True)
class Source:
    """Documents, read anew each time, and what names them.

    root: a corpus's Merkle root, or the hash of a folder's files
    """

    kind: str
    where: str
    root: str
    read: Callable[[], Iterator[Document]]
    skipped: tuple[str, ...] = ()


def open_source(path: Path, licence: str = UNKNOWN) -> Source:
    """A corpus, or else every text under a folder.

    Raises: NotHere, BadInput, Damaged (a corpus whose bytes changed)
    """
    if not (path / "corpus.json").is_file():
        return read_folders({path: licence})
    corpus = open_corpus(path)

    def documents() -> Iterator[Document]:
        whole = any(corpus.num_records(split) for split in ("validation", "test"))
        for record in corpus.records():
            if record.split != "test":
                yield Document(record.id, record.content, record.licence, record.split if whole else "")

    return Source("corpus", str(path), corpus.root, documents)


def read_folders(folders: Mapping[Path, str], *, leave_out: Sequence[str] = ()) -> Source:
    """Every text file under the folders, each with its licence, in sections of about 16,000 characters; what is no
    UTF-8 text is skipped.

    Raises: NotHere, BadInput (nothing to learn from)
    """
    found: list[tuple[Path, str, str]] = []
    lines, skipped = [], []
    for folder, licence in folders.items():
        if not folder.exists():
            raise NotHere(f"there is no file or folder '{folder}'")
        for path in _files(folder, frozenset(leave_out)):
            name = path.name if folder == path else str(path.relative_to(folder))
            data = path.read_bytes()
            try:
                if data.decode("utf-8-sig").strip():
                    found.append((path, name, licence))
                    lines.append(f"{sha256_bytes(data)}  {name}\n")
            except UnicodeDecodeError:
                skipped.append(name)
    if not found:
        raise BadInput(f"nothing to learn from in {', '.join(f'{str(folder)!r}' for folder in folders)}: expected "
                       f"UTF-8 files named {', '.join('*' + suffix for suffix in SUFFIXES)}")
    root = hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()
    return Source("folder", ", ".join(map(str, folders)), root, lambda: _documents(found), tuple(skipped))


def _documents(files: Sequence[tuple[Path, str, str]]) -> Iterator[Document]:
    for path, name, licence in files:
        if path.suffix.lower() == ".jsonl":
            for number, line in enumerate(read_lines(path, path.read_text("utf-8-sig").splitlines())):
                yield Document(f"{name}#{number}", line.text, licence, messages=line.messages, rejected=line.rejected)
            continue
        for number, section in enumerate(sections(path.read_bytes().decode("utf-8-sig"))):
            if section.strip():
                yield Document(f"{name}#{number}", section, licence)


def _files(folder: Path, leave_out: frozenset[str]) -> Iterator[Path]:
    if folder.is_file():
        yield folder
        return
    for where, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in leave_out)  # these are walked into
        for path in sorted(Path(where, name) for name in names):
            if (path.suffix.lower() in SUFFIXES and path.is_file() and not path.is_symlink()
                    and path.stat().st_size <= MOST_BYTES):
                yield path


def sections(text: str, num_chars: int = SECTION_CHARS) -> Iterator[str]:
    """A long text in parts that end at an empty line, else at a line's end, where there is one in the second half."""
    while len(text) > num_chars:
        cut = max(text.rfind("\n\n", num_chars // 2, num_chars), -1)
        cut = cut + 2 if cut >= 0 else text.rfind("\n", num_chars // 2, num_chars) + 1
        cut = cut if cut > 0 else num_chars
        yield text[:cut]
        text = text[cut:]
    yield text
