"""The engine over whole models: kernel, twin and the plain fp32 Transformer, and one request's bits in any company."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from small_net import random_net
from torch import Tensor

from makar.kit.errors import BadInput, Damaged, UnknownName
from makar.native import cpu, library
from makar.native.engine import Engine, Options
from makar.native.weights import Weights, pack_state
from makar.nets.transformer import Config

LLAMA = Config(vocab_size=101, dim=72, num_layers=2, num_heads=6, num_kv_heads=2, head_dim=16, hidden_dim=100,
               context_tok=512)
SHAPES = {
    "llama": LLAMA,
    "smollm": dataclasses.replace(LLAMA, dim=96, num_heads=9, num_kv_heads=3, head_dim=64, hidden_dim=65),
    "qwen2": dataclasses.replace(LLAMA, num_heads=4, num_kv_heads=1, head_dim=80, qkv_bias=True, dim=41),
    "qwen3": dataclasses.replace(LLAMA, num_heads=2, num_kv_heads=2, head_dim=128, qk_norm=True, tie_embeddings=False),
    "wide": dataclasses.replace(LLAMA, num_heads=20, num_kv_heads=1, head_dim=96, num_layers=1, hidden_dim=16,
                                rope_scaling={"type": "linear", "factor": 2.0}),
}
HERE = cpu.paths()


def _weights(config: Config, bits: int = 8) -> Weights:
    return pack_state(config, random_net(config).state_dict(), bits)


def _ids(config: Config, num: int, seed: int = 5) -> list[int]:
    return torch.randint(0, config.vocab_size, (num,), generator=torch.Generator().manual_seed(seed)).tolist()


def _engine(config: Config, path: str, cache: str = "bfloat16", num_threads: int = 2, finely: bool = False) -> Engine:
    return Engine(config, _weights(config), Options(path, num_threads, cache, finely))


def _all_logits(engine: Engine, ids: list[int]) -> Tensor:
    cache = engine.new_cache()
    cache.reserve(1, len(ids))
    return engine.forward_rows(ids, [0] * len(ids), range(len(ids)), cache, range(len(ids)))


def _distance(a: Tensor, b: Tensor) -> float:
    return float((a - b).norm() / b.norm())


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("path", HERE)
def test_logits_are_those_of_the_plain_transformer(shape: str, path: str) -> None:
    config = SHAPES[shape]
    net, ids = random_net(config), _ids(config, 140)
    cache = net.new_cache()
    cache.reserve(1, 140)
    expected = net.logits(net(torch.tensor([ids]), [0], cache))
    assert _distance(_all_logits(_engine(config, path), ids), expected) < 0.04


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("path", HERE)
def test_finer_activations_come_nearer(shape: str, path: str) -> None:
    config = SHAPES[shape]
    net, ids = random_net(config), _ids(config, 60)
    cache = net.new_cache()
    cache.reserve(1, 60)
    exact = net.logits(net(torch.tensor([ids]), [0], cache))
    usual, fine = (_distance(_all_logits(_engine(config, path, "float32", finely=finely), ids), exact)
                   for finely in (False, True))
    assert fine < 0.9 * usual


@pytest.mark.parametrize("finely", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("cache", ["float32", "bfloat16", "int8"])
@pytest.mark.parametrize("path", HERE[:-1])
def test_logits_are_those_of_the_twin(shape: str, cache: str, path: str, finely: bool) -> None:
    config, num = SHAPES[shape], 90
    ids = _ids(config, num)
    ours, twins = (_all_logits(_engine(config, each, cache, finely=finely), ids) for each in (path, "twin"))
    # sums in another order round some activations to a neighbouring quant, which so small a model shows
    assert _distance(ours, twins) < 0.02


@pytest.mark.parametrize(("cache", "finely"), [("float32", False), ("bfloat16", False), ("int8", False),
                                               ("bfloat16", True)])
@pytest.mark.parametrize("path", HERE)
def test_a_row_has_the_same_bits_in_any_company(path: str, cache: str, finely: bool) -> None:
    config, num = SHAPES["smollm"], 150
    engine = _engine(config, path, cache, finely=finely)
    ids = _ids(config, num)
    whole = _all_logits(engine, ids)
    room = engine.new_cache()
    room.reserve(3, num)
    # a prompt in chunks, beside another sequence that is elsewhere, then token by token
    for start, end in [(0, 1), (1, 50), (50, 51), (51, 140)]:
        rows = end - start
        logits = engine.forward_rows([7, *ids[start:end], 9], [0, *[2] * rows, 1], [start, *range(start, end), start],
                                     room, [rows])
        assert torch.equal(logits[0], whole[end - 1])
    for at in range(140, num):
        assert torch.equal(engine.forward_rows([ids[at]], [2], [at], room, [0])[0], whole[at])


@pytest.mark.parametrize("path", HERE[:-1])
def test_the_number_of_threads_changes_no_bit(path: str) -> None:
    config = SHAPES["qwen2"]
    ids = _ids(config, 40)
    alone = _all_logits(_engine(config, path, num_threads=1), ids)
    for num_threads in (2, 3, 7):
        assert torch.equal(_all_logits(_engine(config, path, num_threads=num_threads), ids), alone)


@pytest.mark.parametrize("path", HERE)
def test_hidden_then_logits_is_the_same_call_in_two(path: str) -> None:
    config = SHAPES["qwen3"]
    engine, ids = _engine(config, path), _ids(config, 20)
    cache = engine.new_cache()
    cache.reserve(1, 20)
    assert torch.equal(engine.logits(engine(torch.tensor([ids]), [0], cache)), _all_logits(engine, ids))


@pytest.mark.parametrize("cache", ["float32", "bfloat16", "int8"])
@pytest.mark.parametrize("path", HERE)
def test_a_cache_grows_moves_and_is_put_back(path: str, cache: str) -> None:
    config = SHAPES["llama"]
    engine, ids = _engine(config, path, cache), _ids(config, 300)
    whole = _all_logits(engine, ids)
    room = engine.new_cache()
    room.reserve(1, 32)
    engine.forward_rows(ids[:32], [0] * 32, range(32), room, [])
    assert room.bytes_of(1, 256) == sum(part.numel() * part.itemsize for part in (room.keys, room.values, room.scales))
    room.reserve(3, 300)
    engine.forward_rows(ids[32:250], [0] * 218, range(32, 250), room, [])
    room.move(0, 1, 250)
    room.write(2, 0, room.read(1, 0, 128))
    room.write(2, 128, room.read(1, 128, 256))
    rows = list(range(250, 300))
    assert torch.equal(engine.forward_rows(ids[250:], [2] * 50, rows, room, range(50)), whole[250:])


@pytest.mark.parametrize("path", HERE[:-1])
def test_kernel_and_twin_read_each_others_cache(path: str) -> None:
    config = SHAPES["smollm"]
    ours, twin = _engine(config, path, "float32"), _engine(config, "twin", "float32")
    ids, cache = _ids(config, 40), ours.new_cache()
    cache.reserve(1, 40)
    ours.forward_rows(ids[:39], [0] * 39, range(39), cache, [])
    expected = twin.forward_rows(ids[39:], [0], [39], cache, [0])
    assert _distance(ours.forward_rows(ids[39:], [0], [39], cache, [0]), expected) < 0.02


@pytest.mark.parametrize("path", HERE)
@pytest.mark.parametrize(("tokens", "slots", "positions", "wanted"), [
    ([101], [0], [0], [0]), ([-1], [0], [0], [0]), ([1], [2], [0], [0]), ([1], [-1], [0], [0]), ([1], [0], [256], [0]),
    ([1], [0], [-1], [0]), ([1], [0], [0], [1]), ([1], [0], [0], [-1]), ([], [], [], []), ([1, 2], [0], [0, 1], [0]),
])
def test_rows_that_are_nowhere_are_refused(path: str, tokens: list[int], slots: list[int], positions: list[int],
                                           wanted: list[int]) -> None:
    engine = _engine(LLAMA, path)
    cache = engine.new_cache()
    cache.reserve(2, 10)
    with pytest.raises(BadInput):
        engine.forward_rows(tokens, slots, positions, cache, wanted)


def test_weights_and_options_of_another_kind_are_refused() -> None:
    weights = _weights(LLAMA)
    with pytest.raises(Damaged, match="missing"):
        Engine(LLAMA, Weights({}, weights.vectors))
    with pytest.raises(Damaged, match="expected shape"):
        Engine(dataclasses.replace(LLAMA, hidden_dim=101), weights)
    with pytest.raises(Damaged, match="unknown"):
        Engine(LLAMA, Weights(weights.matrices, weights.vectors | {"more": torch.zeros(1)}))
    odd = dataclasses.replace(LLAMA, head_dim=24)
    with pytest.raises(BadInput, match="multiple of 16"):
        Engine(odd, _weights(odd))
    with pytest.raises(UnknownName, match="avx9"):
        Engine(LLAMA, weights, Options(path="avx9"))
    with pytest.raises(UnknownName, match="bfloat16"):
        Engine(LLAMA, weights, Options(cache="int3")).new_cache()


def test_without_the_extension_the_twin_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "_file", lambda: None)
    library.library.cache_clear(), library.why_not.cache_clear()
    try:
        assert cpu.paths() == ("twin",) and "compiler" in str(cpu.why_twin())
        engine = Engine(LLAMA, _weights(LLAMA))
        assert engine.path == "twin"
        assert _all_logits(engine, [1, 2, 3]).isfinite().all()
    finally:
        library.library.cache_clear(), library.why_not.cache_clear()


def test_an_extension_that_cannot_be_loaded_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "_kernel.so"
    broken.write_bytes(b"not a library")
    monkeypatch.setattr(library, "_file", lambda: broken)
    library.library.cache_clear(), library.why_not.cache_clear()
    try:
        assert cpu.paths() == ("twin",) and "cannot be loaded" in str(cpu.why_twin())
    finally:
        library.library.cache_clear(), library.why_not.cache_clear()


def test_a_cache_of_another_shape_is_refused() -> None:
    cache = _engine(SHAPES["qwen3"], HERE[0]).new_cache()
    cache.reserve(1, 10)
    with pytest.raises(BadInput, match="another shape"):
        _engine(LLAMA, HERE[0]).forward_rows([1], [0], [0], cache, [0])


def test_bytes_of_a_step_leave_out_an_embedding_that_is_no_head() -> None:
    tied, untied = _weights(LLAMA), _weights(SHAPES["qwen3"])
    assert tied.bytes() == sum(part.bytes() for part in tied.matrices.values()) + 4 * sum(
        part.numel() for part in tied.vectors.values())
    assert untied.bytes() == sum(part.bytes() for name, part in untied.matrices.items() if name != "embed") + 4 * sum(
        part.numel() for part in untied.vectors.values())


@pytest.mark.skipif(HERE == ("twin",), reason="makar was installed without a C++ compiler")
def test_a_forked_child_is_told_rather_than_left_waiting() -> None:
    program = """
import os, torch
from makar.kit.errors import BadInput
from makar.native import cpu
from makar.native.kernel import Threads
from makar.native.pack import pack
threads, packed = Threads(cpu.paths()[0], 2), pack(torch.ones(16, 32), 8)
threads.multiply(packed, torch.ones(1, 32))
child = os.fork()
if child == 0:
    try:
        threads.multiply(packed, torch.ones(1, 32))
    except BadInput as stop:
        os._exit(7 if "forked" in str(stop) else 8)
    os._exit(9)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
"""
    subprocess.run([sys.executable, "-P", "-W", "ignore", "-c", program], check=True, timeout=120, env=os.environ)
