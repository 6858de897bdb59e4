"""The hub mirror against a real server: resume, drops, lies, redirects, the token."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from hub_stand_in import Hub, running

from makar.kit.errors import BadInput, Damaged, NoNetwork, NotHere
from makar.store.catalogue import HubFile
from makar.store.mirrors import hub as mirror
from makar.store.partial import Partial

DATA = random.Random(0).randbytes(700_000)
SHA256 = hashlib.sha256(DATA).hexdigest()
FILE = HubFile("maker/model", "weights.gguf")


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    monkeypatch.setattr(mirror, "PAUSE_S", 0.0)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    with running(Hub()) as server:
        monkeypatch.setenv("MAKAR_HUB", server.url)
        server.serve(FILE.repo, FILE.file, DATA)
        yield server


def fetch(folder: Path, moved: list[float] | None = None) -> bytes:
    path = folder / "x.part"
    with Partial(path, len(DATA), (moved if moved is not None else []).append) as partial:
        mirror.fetch(FILE, SHA256, partial)
    return path.read_bytes()


def test_a_file_comes_whole_and_progress_adds_up(hub: Hub, tmp_path: Path) -> None:
    moved: list[float] = []
    assert fetch(tmp_path, moved) == DATA
    assert sum(moved) == len(DATA)


def test_what_an_earlier_run_left_is_continued(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "x.part").write_bytes(DATA[:300_000])
    assert fetch(tmp_path) == DATA
    assert hub.ranges_asked() == ["bytes=300000-"]


def test_dropped_connections_are_resumed_each_from_where_it_ended(hub: Hub, tmp_path: Path) -> None:
    hub.drop_after_bytes = 200_000
    assert fetch(tmp_path) == DATA
    assert hub.ranges_asked() == [None, "bytes=200000-", "bytes=400000-", "bytes=600000-"]


def test_a_server_that_ignores_ranges_is_read_from_the_beginning(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "x.part").write_bytes(DATA[:300_000])
    hub.ranges = False
    moved: list[float] = []
    assert fetch(tmp_path, moved) == DATA
    assert sum(moved) == len(DATA)


def test_wrong_bytes_left_by_an_earlier_run_are_thrown_away_once(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "x.part").write_bytes(b"\0" * 300_000)
    assert fetch(tmp_path) == DATA
    assert hub.ranges_asked() == ["bytes=300000-", None]


def test_a_lying_server_is_named_and_nothing_of_it_kept(hub: Hub, tmp_path: Path) -> None:
    hub.flip = True
    with pytest.raises(Damaged, match=SHA256[:16]):
        fetch(tmp_path)
    assert (tmp_path / "x.part").read_bytes() == b""


@pytest.mark.parametrize("no_length", [False, True])
def test_more_bytes_than_the_file_has_are_refused(hub: Hub, tmp_path: Path, no_length: bool) -> None:
    hub.serve(FILE.repo, FILE.file, DATA + b"more")
    hub.no_length = no_length
    with pytest.raises(Damaged, match="700,000"):
        fetch(tmp_path)
    assert (tmp_path / "x.part").stat().st_size == 0


def test_a_shorter_file_is_refused_at_once(hub: Hub, tmp_path: Path) -> None:
    hub.serve(FILE.repo, FILE.file, DATA[:-1])
    with pytest.raises(Damaged, match="offers a file of 699,999 bytes"):
        fetch(tmp_path)
    (tmp_path / "x.part").write_bytes(DATA[:-1])
    with pytest.raises(Damaged, match="shorter"):
        fetch(tmp_path)


def test_a_few_errors_pass_but_not_a_server_that_never_answers(hub: Hub, tmp_path: Path) -> None:
    hub.num_errors = mirror.MAX_IDLE_TRIES - 1
    assert fetch(tmp_path) == DATA
    (tmp_path / "x.part").unlink()
    hub.num_errors = 10 ** 6
    with pytest.raises(NoNetwork, match="503"):
        fetch(tmp_path)


def test_a_missing_file_is_not_here_and_no_server_is_no_network(
        hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.files.clear()
    with pytest.raises(NotHere, match="404"):
        fetch(tmp_path)
    monkeypatch.setenv("MAKAR_HUB", "http://127.0.0.1:9")
    with pytest.raises(NoNetwork, match="could not be reached"):
        fetch(tmp_path)


def test_the_token_goes_to_the_hub_and_not_where_it_redirects(
        hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    path = f"/{FILE.repo}/resolve/main/{FILE.file}"
    with running(Hub(files={"/elsewhere": DATA})) as files:
        hub.token = "hf_secret"
        hub.redirects[path] = "/inside"
        hub.redirects["/inside"] = f"{files.url}/elsewhere"
        assert fetch(tmp_path) == DATA
        assert [headers.get("authorization") for _, headers in hub.asked] == ["Bearer hf_secret"] * 2
        assert [headers.get("authorization") for _, headers in files.asked] == [None]


def test_ranges_survive_a_redirect(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "x.part").write_bytes(DATA[:5])
    with running(Hub(files={"/elsewhere": DATA})) as files:
        hub.redirects[f"/{FILE.repo}/resolve/main/{FILE.file}"] = f"{files.url}/elsewhere"
        assert fetch(tmp_path) == DATA
        assert files.ranges_asked() == ["bytes=5-"]


def test_a_gated_file_says_how_to_show_a_token_and_never_shows_it(
        hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    hub.token = "hf_right"
    with pytest.raises(NotHere, match="HF_TOKEN") as caught:
        fetch(tmp_path)
    assert "hf_wrong" not in str(caught.value)


@pytest.mark.parametrize("url", ["file:///etc", "ftp://127.0.0.1/x", "hub.example", "http://"])
def test_only_web_addresses_are_hubs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("MAKAR_HUB", url)
    with pytest.raises(BadInput, match="MAKAR_HUB"):
        mirror.address()


def test_a_hub_address_with_a_password_is_refused_without_showing_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAKAR_HUB", "https://me:hidden@hub.example")
    with pytest.raises(BadInput, match="HF_TOKEN") as caught:
        mirror.address()
    assert "hidden" not in str(caught.value)


def test_a_redirect_to_a_local_file_is_not_followed(hub: Hub, tmp_path: Path) -> None:
    hub.redirects[f"/{FILE.repo}/resolve/main/{FILE.file}"] = "file:///etc/hostname"
    with pytest.raises((NotHere, NoNetwork)):
        fetch(tmp_path)


def test_the_token_is_not_sent_in_clear_over_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    import urllib.request
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    for base, sent in (("http://hub.example", False), ("https://hub.example", True)):
        monkeypatch.setenv("MAKAR_HUB", base)
        request = urllib.request.Request(f"{base}/x")
        mirror._authorise(request)
        assert request.has_header("Authorization") == sent
