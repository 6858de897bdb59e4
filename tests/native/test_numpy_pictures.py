"""The nets in NumPy against those that learn, and a picture that needs no PyTorch."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_info, threadpool_limits

from makar.native.pictures import Asked, Reals, patches_of, picture_net, picture_of
from makar.native.threads import one_thread
from makar.nets.patches import Condition
from makar.nets.relay import PictureNet, new_net
from makar.nets.shapes import Components, Patches, PictureShape, Relayed
from makar.nets.shards import load_shards, quantised, save_shards
from makar.store.shards import Quantised, load_arrays, reals

PATCHES = Patches(size_px=8, patch_px=2, dim=128, num_layers=2, num_looks=3, word_dim=6, hidden_dim=64, context_tok=3,
                  bottleneck=8)
WHOLE = Components(size_px=8, num_components=12, dim=64, num_layers=2, num_looks=3, word_dim=6, hidden_dim=64,
                   context_tok=3)
SHAPES = {"patches": PATCHES, "relay": Relayed(WHOLE, PATCHES, 0.4)}


def learned(shape: PictureShape) -> tuple[PictureNet, dict[str, Reals]]:
    """A net none of whose weights is nought."""
    net = new_net(shape, 0).requires_grad_(False)
    for weight in net.parameters():
        if not weight.any():
            weight.normal_(std=0.2, generator=torch.Generator().manual_seed(1))
    return net, {name: weight.numpy() for name, weight in net.named_parameters()}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("num", [1, 8])
@pytest.mark.parametrize("time", [0.0, 0.3, 0.7, 1.0])
def test_they_draw_what_those_that_learn_draw(shape: PictureShape, num: int, time: float) -> None:
    net, weights = learned(shape)
    random = np.random.default_rng(num)
    z, words = (random.standard_normal(size).astype(np.float32) for size in ((num, 4, 8, 8), (num, 3, 6)))
    present, looks = random.random((num, 3)) < 0.7, random.integers(0, 4, num)
    asked = Condition(torch.from_numpy(words), torch.from_numpy(present), torch.from_numpy(looks)).with_nothing()
    twice = torch.from_numpy(z).repeat(2, 1, 1, 1)
    wanted = net(twice, torch.full((2 * num,), time), asked).numpy()
    found = picture_net(shape, weights)(twice.numpy(), time, Asked(words, present, looks).with_nothing())
    assert found.dtype == np.float32 and np.abs(found - wanted).max() < 1e-4 * np.abs(wanted).max()


@pytest.mark.parametrize("time", [0.0, 0.3, 0.7, 1.0])
def test_weights_of_8_bits_draw_nearly_the_same(time: float, tmp_path: Path) -> None:
    shape = Relayed(dataclasses.replace(WHOLE, dim=256, hidden_dim=256), dataclasses.replace(PATCHES, dim=256), 0.4)
    _, weights = learned(shape)
    tensors = {name: torch.from_numpy(weight) for name, weight in weights.items()}
    save_shards(tmp_path, "weights", quantised(tensors), {})
    kept = load_arrays(tmp_path, "weights")[0]
    assert sum(isinstance(weight, Quantised) for weight in kept.values()) > 15
    random = np.random.default_rng(1)
    z, words = (random.standard_normal(size).astype(np.float32) for size in ((8, 4, 8, 8), (8, 3, 6)))
    asked = Asked(words, random.random((8, 3)) < 0.7, random.integers(0, 4, 8))
    wanted = picture_net(shape, {name: reals(weight) for name, weight in kept.items()})(z, time, asked)
    found = picture_net(shape, kept)(z, time, asked)
    assert 0 < np.linalg.norm(found - wanted) < 0.03 * np.linalg.norm(wanted)


def test_patches_and_pictures_are_each_other_s_inverse() -> None:
    pictures = np.random.default_rng(0).random((2, 4, 8, 8), np.float32)
    assert np.array_equal(picture_of(patches_of(pictures, 2), 2, 8), pictures)


@pytest.mark.parametrize("name", ["first.basis", "first.blocks.1.down.weight", "second.place", "second.time.2.bias"])
def test_weights_that_are_missing_or_of_another_shape_are_found_at_once(name: str) -> None:
    _, weights = learned(SHAPES["relay"])
    with pytest.raises(ValueError):
        picture_net(SHAPES["relay"], {**weights, name: weights[name][..., :-1]})
    with pytest.raises(KeyError):
        picture_net(SHAPES["relay"], {key: weight for key, weight in weights.items() if key != name})


@pytest.mark.parametrize("kind", [torch.float32, torch.float16, torch.bfloat16])
def test_stored_weights_are_read_as_they_were_saved(tmp_path: Path, kind: torch.dtype) -> None:
    values = torch.randn(3000, 2000, generator=torch.Generator().manual_seed(0)).to(kind)
    save_shards(tmp_path, "weights", {"one": values, "none": torch.zeros(0), "two": values[:2, 0]}, {"told": 1})
    arrays, facts = load_arrays(tmp_path, "weights")
    assert facts == {"told": 1} and np.array_equal(arrays["one"], values.float().numpy())
    assert np.array_equal(arrays["two"], values[:2, 0].float().numpy()) and arrays["none"].shape == (0,)
    assert torch.equal(load_shards(tmp_path, "weights")[0]["one"], values)


def test_matrices_in_int8_come_back_within_half_a_step_of_their_row(tmp_path: Path) -> None:
    matrix = torch.randn(300, 200, generator=torch.Generator().manual_seed(0)) * torch.logspace(-6, 3, 300)[:, None]
    matrix[7] = 0
    small = matrix[:5, :5]
    kept = quantised({"matrix": matrix, "small": small})
    assert {name: value.dtype for name, value in kept.items()} == {
        "matrix": torch.int8, "matrix:scale": torch.float32, "small": torch.bfloat16}
    save_shards(tmp_path, "weights", kept, {})
    arrays, tensors = load_arrays(tmp_path, "weights")[0], load_shards(tmp_path, "weights")[0]
    assert set(arrays) == set(tensors) == {"matrix", "small"}
    found = reals(arrays["matrix"])
    assert np.array_equal(found, tensors["matrix"].numpy())
    step = np.abs(matrix.numpy()).max(1, keepdims=True) / 127
    assert (np.abs(found - matrix.numpy()) <= step * 0.501).all() and not found[7].any()


def test_products_have_one_thread_until_the_last_drawing_is_over() -> None:
    def num_threads() -> list[int]:
        return [lib["num_threads"] for lib in threadpool_info() if lib["user_api"] == "blas"]

    with threadpool_limits(2, user_api="blas"):
        before = num_threads()
        first, second = one_thread(), one_thread()
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        assert set(num_threads()) == {1}, "one is still drawing"
        second.__exit__(None, None, None)
        assert num_threads() == before


def test_a_picture_is_drawn_without_pytorch(tmp_path: Path) -> None:
    code = ("import sys, makar\n"
            "work = makar.image('a red dragon', style='pixel', size=32)\n"
            "assert work.data.startswith(b'\\x89PNG'), work.data[:8]\n"
            "print([name for name in ('torch', 'diffusers', 'transformers') if name in sys.modules])\n")
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=False)
    assert (ran.returncode, ran.stdout.strip()) == (0, "[]"), ran.stderr
