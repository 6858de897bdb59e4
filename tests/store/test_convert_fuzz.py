"""Files with any bytes changed either convert or are refused with one line."""

from __future__ import annotations

import copy
import itertools
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import convert_sources as sources
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from makar.codecs.bpe import Tokenizer
from makar.kit.errors import MakarError
from makar.store.convert import convert

CHANGES = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.sampled_from([0, 1, 2, 8, 32, 127, 128, 254, 255])),
                   min_size=1, max_size=6)


class Files(dict[str, bytes]):
    """By name. Its `repr` is short, so that an example that fails can be printed."""

    def __repr__(self) -> str:
        return f"<{', '.join(self)}>"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    folder = tmp_path_factory.mktemp("fuzz")
    weights = sources.hub_weights()
    sources.write_gguf(folder / "m.gguf", weights)
    hub = sources.write_hub(folder / "hub", weights, sources.hub_config())
    return Files({"gguf": (folder / "m.gguf").read_bytes()} | {path.name: path.read_bytes() for path in hub.iterdir()})


def attempt(source: Path, folder: Path) -> None:
    try:
        convert(source, folder)
        Tokenizer.open(folder)
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
def test_gguf(files: Files, changes: list[tuple[float, int]], within_bytes: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m.gguf"
        path.write_bytes(changed(files["gguf"], changes, within_bytes))
        attempt(path, Path(folder) / "native")


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(["config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"]),
       changes=CHANGES, within_bytes=st.sampled_from([64, 2000, 10**9]))
def test_hub_folder(files: Files, name: str, changes: list[tuple[float, int]], within_bytes: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for other, data in files.items():
            if other != "gguf":
                (Path(folder) / other).write_bytes(changed(data, changes, within_bytes) if other == name else data)
        attempt(Path(folder), Path(folder) / "native")


ODD = [None, True, 0, -1, 2**70, 1.5, float("inf"), float("nan"), "", "x", "a\ud800", [], ["x"], [[]], [{}], {},
       {"a": 1}]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths to all values, of long lists and mappings only to the first."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in list(inner)[:12]:
        yield from places(item, (*path, key))


def replaced(value: Any, path: tuple[Any, ...], odd: Any) -> Any:
    if not path:
        return odd
    whole = inside = copy.deepcopy(value)
    for key in path[:-1]:
        inside = inside[key]
    inside[path[-1]] = odd
    return whole


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "tokenizer_config.json"])
def test_any_value_in_any_place(files: Files, name: str, tmp_path: Path) -> None:
    value = json.loads(files[name])
    if name == "config.json":
        value |= {"rope_scaling": {"rope_type": "yarn", "factor": 2.0}, "layer_types": ["full_attention"] * 2,
                  "use_sliding_window": True, "sliding_window": 3, "max_window_layers": 9}
    elif name == "tokenizer.json":
        value |= {"decoder": {"type": "Sequence", "decoders": [value["decoder"]]}}
    for other, content in files.items():
        if other != "gguf":
            (tmp_path / other).write_bytes(content)
    for path, odd in itertools.product(places(value), ODD):
        (tmp_path / name).write_text(json.dumps(replaced(value, path, odd)))
        with tempfile.TemporaryDirectory() as folder:
            attempt(tmp_path, Path(folder) / "native")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(key=st.sampled_from(sorted(sources.gguf_keys("llama", sources.hub_weights()))),
       value=st.sampled_from([None, True, 0, 7, 2**31, 1.5, float("nan"), "", "x", [1], ["a"], ["a b"] * 3, [1.0]]))
def test_metadata_of_any_kind(key: str, value: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        attempt(sources.write_gguf(Path(folder) / "m.gguf", sources.hub_weights(), keys={key: value}),
                Path(folder) / "native")
