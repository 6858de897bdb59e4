"""Finding indexes by name or path, and refusing one whose corpus has changed since."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from makar.kit.errors import Damaged, MakarError, NotHere, UnknownName
from makar.tracing.build import BuildOptions, Origin, build_from, indexes_folder
from makar.tracing.index import ABOUT, Index, open_index
from makar.tracing.origin import UNKNOWN, Folder


def build_index(source: str | Path, out: Path | None = None, options: BuildOptions = BuildOptions(),
                licence: str = UNKNOWN) -> Index:
    """Indexes a folder, a file or a corpus. What was forgotten of a folder stays out.

    licence: of the files of a folder whose head names none
    Raises: NotHere, BadInput, OutOfRoom, Damaged
    """
    path = Path(source).expanduser()
    old = None if out is None or not (out / ABOUT).is_file() else open_index(out)
    return build_from(_origin(path, licence, frozenset(old.about.get("forgotten", ())) if old else frozenset()), out,
                      options)


def open_current(name_or_path: str | Path, *, build: bool = False) -> Index:
    """The index of that name, in that folder, or of the folder or corpus at that path, if it still is of it.

    build: make the index of a folder or corpus that has none
    Raises: UnknownName, NotHere, Damaged (the source changed)
    """
    path = Path(name_or_path).expanduser()
    if (path / ABOUT).is_file():
        return require_current(open_index(path))
    known = {index.path: index for index in indexes()}
    named = [index for index in known.values() if str(name_or_path) in (index.name, index.path.name)]
    here = [index for index in known.values() if path.exists() and index.about["source"] == str(path.resolve())]
    found = here or named
    if found:
        return require_current(max(found, key=lambda index: (index.path / ABOUT).stat().st_mtime))
    if not path.exists():
        raise UnknownName("corpus or index", str(name_or_path), {index.name for index in known.values()})
    if not build:
        raise NotHere(f"'{path}' has no index yet; build it: makar index {path}")
    return build_index(path)


def indexes() -> Iterator[Index]:
    """Every index in the home folder that can be opened."""
    folder = indexes_folder()
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if (path / ABOUT).is_file():
            yield open_index(path)


def require_current(index: Index) -> Index:
    """The index, if its source is as it was when it was built, or is no longer on this machine.

    Raises: Damaged
    """
    source = Path(index.about["source"])
    if not source.exists():
        return index
    try:
        origin = _origin(source, UNKNOWN, frozenset(index.about.get("forgotten", ())))
        if origin.look() == index.about["look"] or origin.root() == index.root:
            return index
        why = f"'{source}' has changed since it was indexed"
    except (MakarError, OSError) as error:
        why = f"'{source}', which it was built from, cannot be read: {error}"
    raise Damaged(f"the index '{index.name}' is refused: {why}; build it again: makar index {source} -o {index.path}")


def open_all(names: Sequence[str | Path], *, build: bool = False) -> list[Index]:
    """The indexes of these names, or all in the home folder where none is named.

    Raises: NotHere (none at all), UnknownName, Damaged
    """
    if names:
        return [open_current(name, build=build) for name in names]
    found = [require_current(index) for index in indexes()]
    if not found:
        raise NotHere("there is no index to trace in; build one of any folder: makar index FOLDER")
    return found


def _origin(path: Path, licence: str, forgotten: frozenset[str]) -> Origin:
    return Folder(path, licence, forgotten)


def write_about(index: Index, about: dict[str, object]) -> None:
    """Replaces what index.json says."""
    from makar.kit.files import atomic_write

    atomic_write(index.path / ABOUT, f"{json.dumps(about, indent=2, ensure_ascii=False)}\n")
