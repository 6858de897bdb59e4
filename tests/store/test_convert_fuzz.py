"""Files with any bytes changed either convert or are refused with one line."""

from __future__ import annotations

import tempfile
from pathlib import Path

import convert_sources as sources
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from makar.kit.errors import MakarError
from makar.store.convert import convert

CHANGES = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.sampled_from([0, 1, 2, 8, 32, 127, 128, 254, 255])),
                   min_size=1, max_size=6)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("fuzz")
    weights = sources.hub_weights()
    sources.write_gguf(folder / "m.gguf", weights)
    hub = sources.write_hub(folder / "hub", weights, sources.hub_config())
    return {"gguf": (folder / "m.gguf").read_bytes()} | {path.name: path.read_bytes() for path in hub.iterdir()}


def attempt(source: Path, folder: Path) -> None:
    try:
        convert(source, folder)
    except MakarError as error:
        assert "\n" not in str(error) and len(str(error)) < 600
        assert not folder.exists()


def changed(data: bytes, changes: list[tuple[float, int]], within_bytes: int) -> bytes:
    copy = bytearray(data)
    for place, value in changes:
        copy[int(place * min(within_bytes, len(copy)))] = value
    return bytes(copy)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=CHANGES, within_bytes=st.sampled_from([64, 2000, 20000, 10**9]))
def test_gguf(files: dict[str, bytes], changes: list[tuple[float, int]], within_bytes: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m.gguf"
        path.write_bytes(changed(files["gguf"], changes, within_bytes))
        attempt(path, Path(folder) / "native")


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(["config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"]),
       changes=CHANGES, within_bytes=st.sampled_from([64, 2000, 10**9]))
def test_hub_folder(files: dict[str, bytes], name: str, changes: list[tuple[float, int]], within_bytes: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for other, data in files.items():
            if other != "gguf":
                (Path(folder) / other).write_bytes(changed(data, changes, within_bytes) if other == name else data)
        attempt(Path(folder), Path(folder) / "native")
