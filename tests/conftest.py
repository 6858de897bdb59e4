"""What every test stands on: a home of its own, and the one model that some tests download."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from makar.store import StoredModel

# Before torch is loaded, for this process and those it starts: spinning threads are slow where cores are shared.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

# Where a shell started the tests in the background, SIGINT is ignored, and so it would be by the commands they start.
signal.signal(signal.SIGINT, signal.default_int_handler)

SMOLLM2 = "smollm2-135m"


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test reads or writes the user's store and ledger."""
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("MAKAR_HOME", str(folder))
    monkeypatch.delenv("MAKAR_MODEL", raising=False)
    return folder


@pytest.fixture(scope="session")
def shared_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home whose store all tests of a session share: `$MAKAR_TEST_HOME`, which also outlives it, or a new one."""
    named = os.environ.get("MAKAR_TEST_HOME")
    return Path(named) if named else tmp_path_factory.mktemp("shared-home")


@pytest.fixture(scope="session")
def smollm2(shared_home: Path) -> StoredModel:
    """SmolLM2-135M, pulled through the store once."""
    from makar import store

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MAKAR_HOME", str(shared_home))
        return store.stored(SMOLLM2)


@pytest.fixture
def smollm2_home(own_home: Path, shared_home: Path, smollm2: StoredModel) -> Path:
    """This test's own home, with a ledger of its own, in which the shared store is found."""
    (own_home / "store").symlink_to(shared_home / "store", target_is_directory=True)
    return own_home


@pytest.fixture
def makar_command(own_home: Path, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[bytes]]:
    """Runs `makar WORDS...` as a process of its own in `tmp_path`."""

    def run(*words: str | bytes, input: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
        source = {"input": input} if input is not None else {"stdin": subprocess.DEVNULL}
        return subprocess.run([sys.executable, "-m", "makar.cli", *words], capture_output=True, cwd=tmp_path,
                              check=False, timeout=300, **source)  # type: ignore[call-overload]

    return run
