"""Packages through the user's own npm and apt: archives come into a folder once, and only data is read out of them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from makar.kit.errors import BadInput, Damaged, NoNetwork, NotHere, TimedOut

LIMIT_S = 1800.0
_UNREACHED = re.compile(r"ENOTFOUND|ECONNREFUSED|ETIMEDOUT|EAI_AGAIN|Temporary failure|Could not resolve|"
                        r"Cannot initiate", re.IGNORECASE)


def npm_archive(package: str, version: str, folder: Path) -> Path:
    """The archive of one npm package, fetched unless it is there.

    Raises: NotHere, NoNetwork
    """
    path = folder / f"{package.removeprefix('@').replace('/', '-')}-{version}.tgz"
    if not path.exists():
        part = folder / ".npm"
        _run(["npm", "pack", f"{package}@{version}", "--ignore-scripts", "--pack-destination", str(_fresh(part)),
              "--no-update-notifier"], "npm", package)
        _only(part, ".tgz", package).replace(path)
        shutil.rmtree(part)
    return path


def npm_folder(packages: Sequence[str], folder: Path) -> Path:
    """A folder with `node_modules` in which the packages (`NAME@VERSION`) and what they need lie; no script of theirs
    is run while they are installed.

    Raises: NotHere, NoNetwork
    """
    path = folder / "npm"
    if not (path / "node_modules").is_dir():
        part = _fresh(folder / ".npm")
        (part / "package.json").write_text('{"private": true}')
        _run(["npm", "install", *packages, "--prefix", str(part), "--ignore-scripts", "--no-audit", "--no-fund",
              "--no-update-notifier"], "npm", packages[0])
        shutil.rmtree(path, ignore_errors=True)
        part.replace(path)
    return path


def debian_package(package: str, folder: Path) -> Path:
    """The archive of one Debian package, fetched unless it is there.

    Raises: NotHere, NoNetwork
    """
    found = sorted(folder.glob(f"{package}_*.deb"))
    if not found:
        part = _fresh(folder / ".apt")
        _run(["apt-get", "download", package], "apt-get", package, cwd=part)
        archive = _only(part, ".deb", package)
        found = [archive.replace(folder / archive.name)]
        shutil.rmtree(part)
    return found[0]


def debian_source(package: str, folder: Path) -> Path:
    """The original source archive of a Debian package. The machine's list of sources may lack the `deb-src` lines: they
    are derived from its `deb` lines in a folder of ours, and nothing of the machine's own is changed.

    Raises: NotHere, NoNetwork
    """
    found = sorted(folder.glob(f"{package}_*.orig.tar.*"))
    if not found:
        part = _fresh(folder / ".apt")
        (part / "lists" / "partial").mkdir(parents=True)
        (part / "sources").mkdir()
        for number, (suffix, text) in enumerate(_source_lists(Path("/etc/apt"))):
            (part / "sources" / f"{number}{suffix}").write_text(text)
        apt = ["apt-get", "-o", "Dir::Etc::sourcelist=/dev/null", "-o", f"Dir::Etc::sourceparts={part / 'sources'}",
               "-o", f"Dir::State::lists={part / 'lists'}"]
        _run([*apt, "update"], "apt-get", package)
        # The small files that belong to the archive may be gone from the mirror: the archive itself is enough.
        said = _run([*apt, "source", "--download-only", package], "apt-get", package, cwd=part, must=False)
        archives = sorted(part.glob(f"{package}_*.orig.tar.*"))
        if not archives:
            raise NotHere(f"apt-get did not get the source of {package} ({said[-200:]})")
        found = [archives[0].replace(folder / archives[0].name)]
        shutil.rmtree(part)
    return found[0]


def members(archive: Path, pattern: str) -> Iterator[tuple[str, bytes]]:
    """The names and bytes of the plain files of an archive (tar, or Debian package) whose name fits the pattern.

    Raises: Damaged, NotHere
    """
    wanted = re.compile(pattern)
    try:
        if archive.suffix == ".deb":
            with subprocess.Popen([_client("dpkg-deb"), "--fsys-tarfile", str(archive)],
                                  stdout=subprocess.PIPE) as process, \
                    tarfile.open(fileobj=process.stdout, mode="r|") as tar:
                yield from _fitting(tar, wanted)
                assert process.stdout is not None
                process.stdout.read()
        else:
            with tarfile.open(archive, "r|*") as tar:
                yield from _fitting(tar, wanted)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise Damaged(f"'{archive}' cannot be read ({error}); delete it and run the same command again") from error


def _fitting(tar: tarfile.TarFile, wanted: re.Pattern[str]) -> Iterator[tuple[str, bytes]]:
    for member in tar:
        if member.isreg() and wanted.search(member.name):
            file = tar.extractfile(member)
            assert file is not None
            yield member.name, file.read()


def run_node(script: str, folder: Path) -> str:
    """What a script of ours prints, run by the user's node beside the packages of `folder`.

    Raises: NotHere, BadInput
    """
    done = subprocess.run([_client("node"), "--input-type=module", "-e", script], cwd=folder, capture_output=True,
                          text=True, timeout=LIMIT_S, check=False)
    if done.returncode:
        raise BadInput(f"node stopped: {done.stderr.strip()[-300:]}")
    return done.stdout


def _client(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise NotHere(f"needs {name}, which is not on the PATH; install it, or leave out the sources that need it")
    return found


def _run(command: list[str], client: str, package: str, *, cwd: Path | None = None, must: bool = True) -> str:
    try:
        done = subprocess.run([_client(command[0]), *command[1:]], cwd=cwd, stdin=subprocess.DEVNULL, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=LIMIT_S, check=False,
                              env={**os.environ, "LC_ALL": "C"})
    except subprocess.TimeoutExpired as error:
        raise TimedOut(f"{client} took longer than {LIMIT_S:,.0f} s over {package}") from error
    if done.returncode and must:
        unreached = _UNREACHED.search(done.stdout)
        raise (NoNetwork if unreached else NotHere)(f"{client} did not get {package} ({done.stdout.strip()[-200:]})")
    return done.stdout


def _source_lists(apt: Path) -> Iterator[tuple[str, str]]:
    for path in [apt / "sources.list", *sorted((apt / "sources.list.d").glob("*"))]:
        if path.suffix not in (".list", ".sources") or not path.is_file():
            continue
        text = path.read_text(errors="replace")
        if path.suffix == ".sources":
            yield ".sources", re.sub(r"^Types:.*$", "Types: deb-src", text, flags=re.MULTILINE)
        else:
            yield ".list", re.sub(r"^deb(?=\s)", "deb-src", text, flags=re.MULTILINE)


def _fresh(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _only(folder: Path, suffix: str, package: str) -> Path:
    found = [path for path in folder.iterdir() if path.suffix == suffix]
    if len(found) != 1:
        raise NotHere(f"the client left no archive of {package}")
    return found[0]
