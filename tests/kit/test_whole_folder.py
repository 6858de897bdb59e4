"""A folder appears whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from makar.kit.files import whole_folder


def test_it_appears_when_the_block_has_ended(tmp_path: Path) -> None:
    with whole_folder(tmp_path / "made") as part:
        (part / "a").write_text("1")
        assert not (tmp_path / "made").exists()
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")] == ["made", "made/a"]


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "a").write_text("old")
    with pytest.raises(RuntimeError, match="half way"), whole_folder(tmp_path / "made") as part:
        (part / "a").write_text("new")
        raise RuntimeError("half way")
    assert (tmp_path / "made" / "a").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["made"]


def test_an_older_one_makes_way_whole(tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "old").write_text("1")
    with whole_folder(tmp_path / "made") as part:
        (part / "new").write_text("2")
    assert [path.name for path in tmp_path.iterdir()] == ["made"]
    assert [path.name for path in (tmp_path / "made").iterdir()] == ["new"]
