"""Where a run's documents come from: a corpus, or a folder of texts read as it is; either is named by a hash."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from makar.kit.errors import BadInput, NotHere
from makar.kit.files import sha256_bytes

SUFFIXES = (".txt", ".md", ".rst", ".py")
MOST_BYTES = 200_000_000
SECTION_CHARS = 16_000


@dataclass(frozen=True)
class Document:
    """One text to learn from. `split` is empty where the source has none."""

    id: str
    text: str
    licence: str = "unknown"
    split: str = ""

    def held_out(self, frac: float) -> bool:
        """Whether it is kept for validation: as the source says, else by its own hash."""
        if self.split:
            return self.split != "train"
        return int(sha256_bytes(self.text.encode(errors="replace"))[:12], 16) / 16**12 < frac


@dataclass(frozen=True)
class Source:
    """Documents and what names them. `root` is a corpus's Merkle root, or the hash of a folder's files."""

    kind: str
    where: str
    root: str
    documents: tuple[Document, ...]
    skipped: tuple[str, ...] = ()

    @property
    def licences(self) -> dict[str, int]:
        """How many documents stand under each licence."""
        found = [document.licence for document in self.documents]
        return {name: found.count(name) for name in sorted(set(found))}

    def describe(self) -> str:
        """One line for the records of what was made from it."""
        licences = ", ".join(f"{name} {count:,}" for name, count in self.licences.items())
        return f"{self.kind} {self.root[:16]} of {len(self.documents):,} documents (licences: {licences})"


def read_folders(folders: Sequence[Path], licence: str = "unknown", *, leave_out: Sequence[str] = ()) -> Source:
    """Every text file under the folders, in sections of about 16,000 characters; what is no UTF-8 text is skipped.

    Raises: NotHere, BadInput (nothing to learn from)
    """
    documents: list[Document] = []
    lines, skipped = [], []
    for folder in folders:
        if not folder.exists():
            raise NotHere(f"there is no file or folder '{folder}'")
        for path in _files(folder, frozenset(leave_out)):
            name = path.name if folder == path else str(path.relative_to(folder))
            data = path.read_bytes()
            try:
                text = data.decode("utf-8-sig")
            except UnicodeDecodeError:
                skipped.append(f"{name}: not UTF-8")
                continue
            lines.append(f"{sha256_bytes(data)}  {name}\n")
            documents += [Document(f"{name}#{number}", section, licence)
                          for number, section in enumerate(sections(text)) if section.strip()]
    if not documents:
        raise BadInput(f"nothing to learn from in {', '.join(f'{str(folder)!r}' for folder in folders)}: expected UTF-8 "
                       f"files named {', '.join('*' + suffix for suffix in SUFFIXES)}")
    root = hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()
    return Source("folder", ", ".join(map(str, folders)), root, tuple(documents), tuple(skipped))


def _files(folder: Path, leave_out: frozenset[str]) -> Iterator[Path]:
    if folder.is_file():
        yield folder
        return
    for path in sorted(folder.rglob("*")):
        if (path.suffix.lower() in SUFFIXES and path.is_file() and not path.is_symlink()
                and not leave_out.intersection(path.relative_to(folder).parts) and path.stat().st_size <= MOST_BYTES):
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
