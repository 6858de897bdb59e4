"""Where a run's documents come from: a corpus, or a folder of texts read as it is; either is named by a hash."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from makar.codecs.chat import Message
from makar.curation import open_corpus, spdx
from makar.curation.folder import folder_root, root_of, told_of
from makar.curation.licence import LicenceConfig, licence
from makar.curation.plan import Source as Place
from makar.curation.plan import sources_of, tasks
from makar.curation.readers import PROSE, is_licence, read, reader_of
from makar.curation.record import UNKNOWN, Record
from makar.curation.source import ReadConfig, SourceFile, begun
from makar.kit.errors import BadInput
from makar.kit.files import sha256_bytes
from makar.train.conversations import CHATS, read_chats

MOST_BYTES = 200_000_000
SECTION_CHARS = 16_000
SHOWN_CHARS = 200


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

    root: a corpus's Merkle root, or the hash of a folder's files, which is the one an index of it has
    skipped: what was not read and why, by name; filled as the documents are read
    """

    kind: str
    where: str
    root: str
    read: Callable[[], Iterator[Document]]
    skipped: dict[str, str] = field(default_factory=dict)

    @property
    def place(self) -> str:
        """Where it is, in a line: of many folders the first."""
        return self.where if len(self.where) <= SHOWN_CHARS else f"{self.where[:SHOWN_CHARS]}..."


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


def read_folders(folders: Mapping[Path, str], *, leave_out: Sequence[str] = (), only: Sequence[str] = (),
                 accept: Sequence[str] = ()) -> Source:
    """Every file under the folders that curation has a reader for, each with its licence (its own word, else its
    neighbours', else the one given), in sections of about 16,000 characters; `.jsonl` and `.json` may hold chats.

    leave_out: names of folders that are not entered; only: the suffixes of files that are read (none: of all);
        accept: skip what cannot be used under one of these licences (none: keep all)
    Raises: NotHere, BadInput (nothing to learn from)
    """
    sources, stated = sources_of([path.absolute() for path in folders]), list(folders.values())
    files = [(file, stated[number]) for number, source in enumerate(sources)
             for file in _files(source, frozenset(leave_out)) if not only or file.path.suffix in only]
    if not files:
        raise BadInput(f"nothing to learn from in {', '.join(f'{str(folder)!r}' for folder in folders)}: expected "
                       f"files named {', '.join('*' + suffix for suffix in (*PROSE, '.json'))}, or source code")
    alone = sources[0].path if len(sources) == 1 and not leave_out and not only else None
    root = folder_root(alone) if alone else root_of((file.name, told_of(file.path)) for file, _ in files)
    skipped: dict[str, str] = {}
    read_all = partial(_documents, files, tuple(accept), skipped)
    return Source("folder", ", ".join(map(str, folders)), root, read_all, skipped)


def _files(source: Place, leave_out: frozenset[str]) -> Iterator[SourceFile]:
    """The files of a source that can be read, whole."""
    for task in tasks([source], leave_out=[source.path / name for name in leave_out]):
        for entry in task:
            file = replace(source.file(replace(entry, source=0)), end=None)
            known = reader_of(file.path) is not None or file.path.suffix.lower() in CHATS
            hidden = any(part.startswith(".") or part in leave_out for part in Path(entry.path).parts)
            if entry.start == 0 and known and not hidden and not file.path.is_symlink() and not is_licence(file.path):
                yield file


def _documents(files: Sequence[tuple[SourceFile, str]], accept: tuple[str, ...],
               skipped: dict[str, str]) -> Iterator[Document]:
    def drop(record: Record, reason: str, rule: str) -> None:
        skipped[record.source] = f"{reason}, {rule}"

    for file, stated in files:
        known = LicenceConfig(spdx.named(stated) if spdx.named(stated) != UNKNOWN else "", accept)
        if file.path.suffix.lower() in CHATS:
            for about in licence([begun(file, "")], known, file, drop):
                for number, line in enumerate(read_chats(file.path, partial(skipped.__setitem__, file.name))):
                    yield Document(f"{file.name}#{number}", line.text, about.licence, messages=line.messages,
                                   rejected=line.rejected)
            continue
        for record in licence(read(file, ReadConfig(longest_bytes=MOST_BYTES), drop), known, file, drop):
            for number, section in enumerate(sections(record.content)):
                if section.strip():
                    yield Document(f"{record.source}#{number}", section, record.licence)


def sections(text: str, num_chars: int = SECTION_CHARS) -> Iterator[str]:
    """A long text in parts that end at an empty line, else at a line's end, where there is one in the second half."""
    while len(text) > num_chars:
        cut = max(text.rfind("\n\n", num_chars // 2, num_chars), -1)
        cut = cut + 2 if cut >= 0 else text.rfind("\n", num_chars // 2, num_chars) + 1
        cut = cut if cut > 0 else num_chars
        yield text[:cut]
        text = text[cut:]
    yield text
