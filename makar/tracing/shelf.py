"""Finding indexes by name or path, and refusing one whose corpus has changed since."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from makar.curation.corpus import MANIFEST, open_corpus
from makar.curation.folder import files_in
from makar.curation.record import UNKNOWN
from makar.kit.errors import BadInput, Damaged, MakarError, NotHere, UnknownName
from makar.tracing.build import BuildOptions, build_from, indexes_folder, usual_place
from makar.tracing.index import ABOUT, Index, open_index
from makar.tracing.origin import origin_at


def build_index(source: str | Path, out: Path | None = None, options: BuildOptions | None = None,
                licence: str = UNKNOWN) -> Index:
    """Indexes a folder, a file or a corpus. What was forgotten of a folder stays out.

    licence: of the files of a folder of which neither their head nor their folder tells one
    Raises: NotHere, BadInput, OutOfRoom, Damaged
    """
    path = Path(source).expanduser()
    if not path.exists():
        raise NotHere(f"there is no folder or file '{path}' to index")
    place = usual_place(path) if out is None else out
    old = open_index(place) if (place / ABOUT).is_file() else None
    forgotten = frozenset(old.about["forgotten"]) if old and old.about["source"] == str(path.resolve()) else frozenset()
    return build_from(origin_at(path, licence, forgotten), place, options)


def num_documents(source: str | Path) -> int:
    """At most how many documents an index of `source` would have, for progress.

    Raises: NotHere, BadInput
    """
    path = Path(source).expanduser()
    if (path / MANIFEST).is_file():
        return len(open_corpus(path, verify=False))
    return sum(1 for _ in files_in(path))


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
    if len({index.about["source"] for index in found}) > 1:
        places = ", ".join(str(index.path) for index in found)
        raise BadInput(f"several indexes are called '{name_or_path}'; give the path of one: {places}")
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
        origin = origin_at(source, UNKNOWN, frozenset(index.about["forgotten"]))
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
