"""contract: keys are made once, kept for their owner, rotated without loss, and never shown."""

from __future__ import annotations

import json
import pickle
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from makar.kit.config import canonical
from makar.kit.errors import BadInput, Damaged, NotHere, UnknownName
from makar.marks import key as mark_keys
from makar.marks.key import MarkKey


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MAKAR_HOME", str(tmp_path))
    return tmp_path / "keys" / "marks"


def test_first_call_makes_the_key_and_later_calls_find_it(folder: Path) -> None:
    made = mark_keys.current_key()
    assert mark_keys.current_key().derive("x") == made.derive("x")
    assert mark_keys.keys() == [made]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for file in folder.iterdir():
        if file.suffix == ".json" or file.name == "current":
            assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_rotation_keeps_old_keys() -> None:
    old = mark_keys.current_key()
    new = mark_keys.rotate()
    assert new.id != old.id
    assert mark_keys.current_key() == new
    assert mark_keys.key(old.id).derive("x") == old.derive("x")
    assert mark_keys.keys() == [new, old]
    assert mark_keys.make_current(old.id) == mark_keys.current_key() == old


def test_a_key_from_elsewhere_is_kept_beside() -> None:
    own = mark_keys.current_key()
    other = mark_keys.add(bytes(range(32)))
    assert mark_keys.current_key() == own
    assert mark_keys.keys() == [own, other]
    with pytest.raises(BadInput, match="32 bytes"):
        mark_keys.add(b"short")


def test_two_processes_make_one_key(tmp_path: Path) -> None:
    code = "from makar.marks.key import current_key; print(current_key().id)"
    started = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    ids = {process.communicate(timeout=300)[0] for process in started}
    assert len(ids) == 1
    assert len(list((tmp_path / "keys" / "marks").glob("*.json"))) == 1


def test_secrets_are_not_shown() -> None:
    made = mark_keys.current_key()
    secret = json.loads((mark_keys.key_folder() / f"{made.id}.json").read_text())["secret"]
    assert secret not in repr(made) + str(made) + f"{made}"
    with pytest.raises(TypeError):
        vars(made)
    with pytest.raises(TypeError, match="never pickled"):
        pickle.dumps(made)
    with pytest.raises(TypeError):
        canonical({"key": made})


def test_unknown_and_damaged_keys(folder: Path) -> None:
    made = mark_keys.current_key()
    with pytest.raises(NotHere, match="not on this machine"):
        mark_keys.key("0" * 16)
    with pytest.raises(UnknownName):
        mark_keys.make_current("0" * 16)
    other = MarkKey(bytes(32))
    path = folder / f"{made.id}.json"
    body = json.loads(path.read_text())
    for broken in ("{", json.dumps({**body, "secret": "zz"}), json.dumps({**body, "form": 9}),
                   json.dumps({**body, "secret": other._secret.hex()}), "[]"):
        path.write_text(broken)
        with pytest.raises(Damaged) as caught:
            mark_keys.current_key()
        assert body["secret"] not in str(caught.value)
