"""Packed weights: exactly what the source says, made once, made again whatever happens to them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import convert_sources as sources
import numpy as np
import pytest
import tiny_file
import torch
from gguf.constants import GGML_QUANT_SIZES
from gguf.constants import GGMLQuantizationType as Kind
from gguf.quants import dequantize
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from makar import store
from makar.kit.config import from_json
from makar.kit.errors import MakarError
from makar.native import packed_file
from makar.native.engine import Engine, Options
from makar.native.pack import Packed, unpack
from makar.native.packed_file import open_packed, packed_path
from makar.native.weights import Weights
from makar.nets.transformer import Config
from makar.store import StoredModel, proof
from makar.store.gguf_blocks import bits_of, read_blocks
from makar.store.gguf_file import GGUFFile

SIMPLE = (Kind.Q4_0, Kind.Q4_1, Kind.Q5_0, Kind.Q5_1, Kind.Q8_0)


def packed(stored: StoredModel, precision: str = "file") -> Weights:
    return open_packed(stored, from_json(Config, stored.architecture), precision)


def added(tmp_path: Path, kind: Kind = Kind.F32) -> StoredModel:
    weights = sources.hub_weights()
    return store.add(sources.write_gguf(tmp_path / "source" / "mine.gguf", weights, kind=kind))


@pytest.mark.parametrize("kind", [*SIMPLE, Kind.Q4_K, Kind.Q5_K])
def test_blocks_of_any_bytes_have_the_values_of_the_file(kind: Kind) -> None:
    random, (block, block_bytes) = np.random.default_rng(1), GGML_QUANT_SIZES[kind]
    stored = random.integers(0, 256, (48, 2 * block_bytes), dtype=np.uint8)
    stored[:, 1::block_bytes] &= 0x3B  # the block's scale, and its offset where it has one, are numbers of fair size
    if kind in (Kind.Q4_1, Kind.Q5_1, Kind.Q4_K, Kind.Q5_K):
        stored[:, 3::block_bytes] &= 0x3B
    file = SimpleNamespace(tensors={"w": SimpleNamespace(kind=kind.name, shape=(48, 2 * block))},
                           stored_rows=lambda name, index: stored[index])
    index = np.array([3, 0, 47])
    blocks = read_blocks(file, "w", index)  # type: ignore[arg-type]
    assert blocks is not None and blocks.bits == bits_of(kind.name) and blocks.q.max() < 2**blocks.bits
    np.testing.assert_allclose(blocks.values(), dequantize(stored[index], kind), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("kind", SIMPLE)
def test_blocks_are_packed_as_they_are_in_the_file(own_home: Path, tmp_path: Path, kind: Kind) -> None:
    stored = added(tmp_path, kind)
    matrices = packed(stored).matrices
    with GGUFFile(tmp_path / "source" / "mine.gguf") as file:
        for mine, theirs in {"blocks.1.v": "blk.1.attn_v", "blocks.0.down": "blk.0.ffn_down",
                             "blocks.1.up": "blk.1.ffn_up"}.items():
            rows = file.rows(f"{theirs}.weight", np.arange(file.tensors[f"{theirs}.weight"].num_rows))
            assert matrices[mine].bits == (4 if bits_of(kind.name) == 4 else 8)
            np.testing.assert_allclose(unpack(matrices[mine]).numpy(), rows, rtol=1e-6, atol=1e-6)
    assert matrices["embed"].bits == 8  # float32 in the file
    narrow = {name: part.bits for name, part in packed(stored, "4bit").matrices.items()}
    assert narrow.pop("embed") == 8 and narrow.pop("head", 8) == 8 and set(narrow.values()) == {4}
    assert {part.bits for part in packed(stored, "8bit").matrices.values()} == {8}


def test_without_its_source_a_model_is_packed_from_what_is_stored(own_home: Path, tmp_path: Path) -> None:
    stored = added(tmp_path, Kind.Q4_0)
    shutil.rmtree(tmp_path / "source")
    from_stored = packed(stored).matrices
    assert {part.bits for part in from_stored.values()} == {8}
    shutil.rmtree(stored.folder)
    again = packed(added(tmp_path, Kind.Q4_0)).matrices
    for name in ("blocks.0.q", "blocks.1.k", "blocks.1.gate", "head"):  # rows in the same order, un-permuted
        torch.testing.assert_close(unpack(from_stored[name]), unpack(again[name]), rtol=0.02, atol=0.02)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-5] ^= 1
    path.write_bytes(bytes(data))


def _older(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b'"form":"1"', b'"form":"0"'))
    proof.add_derived(path)


def _of_other_weights(path: Path) -> None:
    data = path.read_bytes()
    at = data.index(b'"weights_sha256":"') + 18
    path.write_bytes(data[:at] + b"0" * 64 + data[at + 64:])
    proof.add_derived(path)


def _of_another_model(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b'"blocks.0.q"', b'"blocks.0.x"'))
    proof.add_derived(path)


@pytest.mark.parametrize("harm", [Path.unlink, _cut, _flip, _older, _of_other_weights, _of_another_model])
def test_whatever_happens_to_it_it_is_made_again(own_home: Path, tmp_path: Path, harm: Callable[[Path], None]) -> None:
    stored = added(tmp_path, Kind.Q8_0)
    packed(stored)
    path = packed_path(stored, "file")
    good = path.read_bytes()
    harm(path)
    for _ in range(2):
        assert store.stored(stored.name).folder == stored.folder
        packed(stored)
        assert path.read_bytes() == good
    assert store.verify(stored.name, progress=False).ok


def test_verifying_removes_a_packed_file_that_rotted_without_a_trace(own_home: Path, tmp_path: Path) -> None:
    stored = added(tmp_path)
    packed(stored)
    path = packed_path(stored, "file")
    _flip(path)
    known = json.loads((stored.folder / "hashes.json").read_text())
    known["files"][path.name]["mtime_ns"] = path.stat().st_mtime_ns
    (stored.folder / "hashes.json").write_text(json.dumps(known))
    report = store.verify(stored.name, progress=False)
    assert report.ok and not path.exists()
    assert any("made again" in finding.detail for finding in report.findings)


def test_it_is_made_once_and_mapped(own_home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stored = added(tmp_path)
    first = packed(stored)
    made = packed_path(stored, "file").stat()
    again = packed(stored)
    assert packed_path(stored, "file").stat() == made
    assert capsys.readouterr().err.count("packing mine") == 1
    assert all(part.data.data_ptr() % 64 == 0 for part in again.matrices.values())
    assert all(torch.equal(part.data, again.matrices[name].data) for name, part in first.matrices.items())


def test_a_packing_that_was_killed_leaves_nothing(own_home: Path, tmp_path: Path,
                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    stored = added(tmp_path)
    real, calls = packed_file.pack, []

    def killed(weight: torch.Tensor, bits: int) -> Packed:
        calls.append(bits)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return real(weight, bits)

    before = sorted(path.name for path in stored.folder.iterdir())
    monkeypatch.setattr(packed_file, "pack", killed)
    with pytest.raises(KeyboardInterrupt):
        packed(stored)
    assert sorted(path.name for path in stored.folder.iterdir()) == before
    (stored.folder / ".packed-file.safetensors.abc.part").write_bytes(b"left by a kill that could not tidy up")
    packed(stored)
    assert not list(stored.folder.glob("*.part")) and not list(stored.folder.glob(".*.part"))


CHANGES = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=5)


def _changed(data: bytes, changes: list[tuple[float, int]], within_bytes: int) -> bytes:
    copy = bytearray(data)
    for place, value in changes:
        copy[int(place * min(within_bytes, len(copy)))] = value
    return bytes(copy)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=CHANGES, within_bytes=st.sampled_from([8, 400, 4000, 10**9]))
def test_a_packed_file_of_any_bytes_does_no_harm(own_home: Path, tmp_path: Path, changes: list[tuple[float, int]],
                                                 within_bytes: int) -> None:
    folder = tmp_path / "once"
    stored = store.stored("mine") if folder.exists() else added(tmp_path, Kind.Q4_0)
    folder.mkdir(exist_ok=True)
    path = packed_path(stored, "file")
    packed(stored)
    path.write_bytes(_changed(path.read_bytes(), changes, within_bytes))
    proof.add_derived(path)  # as if it had been made like this
    config = from_json(Config, stored.architecture)
    try:
        engine = Engine(config, open_packed(stored, config, "file"), Options(num_threads=1))
        cache = engine.new_cache()
        cache.reserve(1, 8)
        assert engine.forward_rows([1, 2], [0, 0], [0, 1], cache, [1]).shape == (1, config.vocab_size)
    except MakarError as error:
        assert "\n" not in str(error)
    path.unlink()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=CHANGES, kind=st.sampled_from(SIMPLE), within_bytes=st.sampled_from([3000, 10**9]))
def test_a_damaged_source_is_packed_or_refused_with_one_line(
        own_home: Path, tmp_path: Path, changes: list[tuple[float, int]], kind: Kind, within_bytes: int) -> None:
    source = sources.write_gguf(tmp_path / f"{kind.name}.gguf", sources.hub_weights(), kind=kind)
    source.write_bytes(_changed(source.read_bytes(), changes, within_bytes))
    try:
        stored = store.add(source, "changed")
    except MakarError as error:
        assert "\n" not in str(error)
        return
    try:
        packed(stored)
    except MakarError as error:
        assert "\n" not in str(error)
    finally:
        store.remove("changed")


def test_a_model_of_the_smallest_shape_can_be_packed(own_home: Path, tmp_path: Path) -> None:
    stored = store.add(tiny_file.write(tmp_path / "small.gguf"))
    assert packed(stored).matrices["blocks.0.k"].rows == tiny_file.DIM // 2
