"""The growing file: bounded, hashed as it grows, kept between runs."""

from __future__ import annotations

import errno
import hashlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from makar.kit.errors import BadInput, Damaged, OutOfRoom
from makar.store.partial import Partial


def nothing(amount: float) -> None:
    """No progress line."""


@settings(max_examples=30, deadline=None)
@given(runs=st.lists(st.lists(st.binary(max_size=50), max_size=4), max_size=4), cut=st.integers(0, 400))
def test_the_hash_is_always_that_of_the_file(tmp_path_factory: pytest.TempPathFactory, runs: list[list[bytes]],
                                             cut: int) -> None:
    path = tmp_path_factory.mktemp("partial") / "deep" / "x.part"
    written = b""
    for chunks in runs:
        with Partial(path, 1000, nothing) as partial:
            for chunk in chunks:
                partial.write(chunk)
                written += chunk
            if cut < len(written):
                partial.cut(cut)
                written = written[:cut]
            assert partial.sha256 == hashlib.sha256(written).hexdigest()
            assert partial.sha256_of(0, len(written) // 2) == hashlib.sha256(written[:len(written) // 2]).hexdigest()
            assert (partial.have_bytes, partial.missing_bytes) == (len(written), 1000 - len(written))
    assert (path.read_bytes() if path.exists() else b"") == written


def test_more_than_the_file_has_is_refused_and_not_written(tmp_path: Path) -> None:
    with Partial(tmp_path / "x", 10, nothing) as partial:
        partial.write(b"12345678")
        with pytest.raises(Damaged):
            partial.write(b"9abc")
    assert (tmp_path / "x").read_bytes() == b"12345678"


def test_what_is_too_long_already_is_cut(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"0" * 20)
    with Partial(tmp_path / "x", 10, nothing) as partial:
        assert partial.missing_bytes == 0
    assert (tmp_path / "x").stat().st_size == 10


def test_a_full_disk_is_out_of_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        """A file on a disk without room."""

        def write(self, data: bytes) -> int:
            """What the system says then."""
            raise OSError(errno.ENOSPC, "No space left on device")

    with Partial(tmp_path / "x", 10, nothing) as partial:
        real, partial._file = partial._file, Full()  # type: ignore[assignment]
        with pytest.raises(OutOfRoom, match="disk is full"):
            partial.write(b"1")
        partial._file = real


def test_a_folder_that_cannot_be_made_is_bad_input(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(BadInput, match="cannot write"):
        Partial(tmp_path / "file" / "x", 10, nothing)


def test_foreseen_bytes_are_shown_once(tmp_path: Path) -> None:
    moved: list[float] = []
    with Partial(tmp_path / "x", 10, moved.append) as partial:
        partial.foresee(4)
        partial.foresee(6)
        assert sum(moved) == 6
        partial.write(b"1234")
        assert sum(moved) == 6
        partial.write(b"5678")
        assert sum(moved) == 8
        partial.foresee(2)
        partial.foresee(0)
        partial.cut(3)
    assert sum(moved) == 3
    assert min(moved) < 0
