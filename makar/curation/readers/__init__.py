"""One file reads one kind of file, as a generator of records; what cannot be read is dropped with its reason."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path

from makar.curation.record import Record
from makar.curation.source import Drop, ReadConfig, SourceFile, begun

PROSE = {".txt": "plain", ".text": "plain", ".md": "plain", ".markdown": "plain", ".rst": "plain",
         ".html": "hypertext", ".htm": "hypertext", ".xhtml": "hypertext",
         ".jsonl": "json_lines", ".ndjson": "json_lines",
         ".csv": "delimited", ".tsv": "delimited", ".parquet": "parquet"}
CODE = {".py": "python", ".pyi": "python", ".c": "c", ".h": "c", ".cc": "c++", ".cpp": "c++", ".cxx": "c++",
        ".hpp": "c++", ".cs": "c#", ".go": "go", ".java": "java", ".js": "javascript", ".mjs": "javascript",
        ".jsx": "javascript", ".ts": "typescript", ".tsx": "typescript", ".rs": "rust", ".rb": "ruby", ".php": "php",
        ".swift": "swift", ".kt": "kotlin", ".scala": "scala", ".sh": "shell", ".bash": "shell", ".sql": "sql",
        ".r": "r", ".jl": "julia", ".lua": "lua", ".pl": "perl", ".hs": "haskell", ".ml": "ocaml", ".ex": "elixir",
        ".erl": "erlang", ".clj": "clojure", ".css": "css", ".scss": "css", ".zig": "zig", ".dart": "dart",
        ".f90": "fortran", ".pas": "pascal", ".vhdl": "vhdl", ".v": "verilog", ".tex": "tex"}
ARCHIVES = frozenset((".zip", ".gz", ".tgz", ".bz2", ".xz", ".zst", ".7z", ".rar", ".tar", ".jar", ".whl", ".deb"))
PLAIN_NAMES = frozenset(("readme", "news", "changes", "changelog", "authors", "history", "contributing", "todo"))
LICENCE_NAMES = ("license", "licence", "copying", "unlicense", "notice", "copyright")


def described(path: Path, name: str, root: Path) -> SourceFile:
    """The file with the kind that its suffix tells."""
    language = CODE.get(path.suffix.lower(), "")
    return SourceFile(path, name, root, "code" if language else "prose", language)


def is_licence(path: Path) -> bool:
    """Whether a file is there to say under which licence its neighbours are."""
    stem = path.name.lower().split(".")[0]
    return stem.startswith(LICENCE_NAMES) and path.suffix.lower() in ("", ".txt", ".md", ".rst")


def reader_of(path: Path) -> str | None:
    """The reader of a file, by its suffix; None where there is none."""
    suffix = path.suffix.lower()
    if suffix in CODE or (not suffix and path.name.lower() in PLAIN_NAMES):
        return "plain"
    return PROSE.get(suffix)


def read(file: SourceFile, config: ReadConfig, drop: Drop) -> Iterator[Record]:
    """The records of a file, or of the part of it that `file` names.

    Raises: NotHere (a reader's library is not installed)
    """
    name = reader_of(file.path)
    if file.path.is_symlink():
        drop(begun(file, ""), "symlink", "a symbolic link is not followed; name its target as a source")
    elif file.path.is_dir():
        drop(begun(file, ""), "unreadable", "a folder that cannot be listed")
    elif is_licence(file.path):
        drop(begun(file, ""), "licence_file", "read for the licence of its neighbours, not as a document")
    elif file.path.suffix.lower() in ARCHIVES:
        drop(begun(file, ""), "archive",
             f"an archive ({file.path.suffix}) is not opened; unpack it and name the folder")
    elif name is None:
        drop(begun(file, ""), "no_reader", f"no reader for '{file.path.suffix or file.path.name}'")
    else:
        yield from importlib.import_module(f"{__name__}.{name}").read(file, config, drop)
