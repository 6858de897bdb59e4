"""What a run's folder says of how it was begun, and what is said of one that does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from makar import recipes
from makar.kit.errors import BadInput, Damaged, NotHere
from makar.train.begun import RUN, begin, begun, expect_none, expect_run_of, expect_same
from makar.train.config import Config

DATA = {"where": "books", "root": "a" * 64, "num_documents": 3}


@pytest.fixture
def config() -> Config:
    found = recipes.load("text/tiny").config()
    assert isinstance(found, Config)
    return found


def test_what_was_begun_is_found_again(tmp_path: Path, config: Config) -> None:
    expect_none(tmp_path / "run", "text/tiny")
    begin(tmp_path / "run", config, DATA)
    assert begun(tmp_path / "run", Config) == (config, DATA)
    expect_run_of(tmp_path / "run", "text/tiny")
    with pytest.raises(BadInput, match="is of text/tiny, not of text/prose"):
        expect_run_of(tmp_path / "run", "text/prose")
    with pytest.raises(BadInput, match=r"already.*--resume"):
        expect_none(tmp_path / "run", "text/tiny")


def test_a_folder_without_a_run_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotHere, match="without --resume"):
        begun(tmp_path, Config)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"config": {}, "data": "books"}',
                                  '{"config": {"sise": 1}, "data": {}}'])
def test_a_run_that_cannot_be_read_is_damaged(tmp_path: Path, text: str) -> None:
    (tmp_path / RUN).write_text(text)
    with pytest.raises(Damaged, match=r"cannot be read.*begin again"):
        begun(tmp_path, Config)


@pytest.mark.parametrize("missing", ["where", "root"])
def test_a_run_must_name_its_data(tmp_path: Path, config: Config, missing: str) -> None:
    begin(tmp_path, config, {name: value for name, value in DATA.items() if name != missing})
    with pytest.raises(Damaged, match=f"does not say the {missing}"):
        begun(tmp_path, Config)


def test_other_data_is_refused(tmp_path: Path) -> None:
    expect_same(tmp_path, "a" * 64, "a" * 64)
    with pytest.raises(Damaged, match="was begun on bbbb"):
        expect_same(tmp_path, "a" * 64, "b" * 64)
