"""The Transformer against the transformers library, and every path through it against every other."""

from __future__ import annotations

import dataclasses
import itertools

import pytest
import torch
from reference import random_weights, reference

from makar.kit.errors import BadInput, Damaged
from makar.nets.transformer import Config, Transformer, rms_norm, rotary_frequencies

LLAMA = Config(vocab_size=97, dim=48, num_layers=3, num_heads=6, num_kv_heads=2, head_dim=8, hidden_dim=64,
               context_tok=256)
QWEN2 = dataclasses.replace(LLAMA, qkv_bias=True, tie_embeddings=False, rope_theta=1e6, norm_eps=1e-6)
QWEN3 = dataclasses.replace(LLAMA, qk_norm=True, head_dim=16)
FAMILIES = {"llama": LLAMA, "qwen2": QWEN2, "qwen3": QWEN3, "one key head": dataclasses.replace(LLAMA, num_kv_heads=1)}


def ids_of(num_tok: int, seed: int = 1) -> torch.Tensor:
    return torch.randint(0, LLAMA.vocab_size, (1, num_tok), generator=torch.Generator().manual_seed(seed))


@torch.inference_mode()
def logits_of(net: Transformer, ids: torch.Tensor, chunks: tuple[int, ...] = ()) -> torch.Tensor:
    cache = net.new_cache()
    cache.reserve(2, ids.shape[1])
    borders = [0, *chunks, ids.shape[1]]
    return torch.cat([net.logits(net(ids[:, a:b], [a], cache, 1)) for a, b in itertools.pairwise(borders)])


@pytest.mark.parametrize("name", FAMILIES)
def test_logits_are_those_of_the_reference(name: str) -> None:
    config = FAMILIES[name]
    weights = random_weights(config)
    with torch.inference_mode():
        expected = reference(config, weights)(ids_of(70)).logits[0]
    assert (logits_of(Transformer.of(config, weights), ids_of(70)) - expected).abs().max() < 1e-4


@pytest.mark.parametrize(("ours", "theirs"), [
    ({"type": "linear", "factor": 4.0}, {"rope_type": "linear", "factor": 4.0}),
    ({"type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_context_tok": 64},
     {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
      "original_max_position_embeddings": 64}),
    ({"type": "yarn", "factor": 4.0, "original_context_tok": 64},
     {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64}),
])
def test_scaled_positions_are_those_of_the_reference(ours: dict[str, object], theirs: dict[str, object]) -> None:
    config = dataclasses.replace(LLAMA, rope_scaling=ours)
    weights = random_weights(config)
    with torch.inference_mode():
        expected = reference(config, weights, theirs)(ids_of(200)).logits[0]
    assert (logits_of(Transformer.of(config, weights), ids_of(200)) - expected).abs().max() < 1e-4


def test_unknown_scaling_is_refused_by_name() -> None:
    with pytest.raises(BadInput, match="longrope"):
        rotary_frequencies(dataclasses.replace(LLAMA, rope_scaling={"type": "longrope", "factor": 2.0}))


@pytest.mark.parametrize("name", FAMILIES)
def test_chunks_and_single_tokens_give_the_logits_of_the_whole(name: str) -> None:
    net = Transformer.of(FAMILIES[name], random_weights(FAMILIES[name]))
    whole = logits_of(net, ids_of(40))
    assert (logits_of(net, ids_of(40), (16, 32, 33, 34, 35)) - whole).abs().max() < 1e-4


def test_a_ragged_batch_steps_like_each_sequence_alone() -> None:
    net = Transformer.of(QWEN2, random_weights(QWEN2))
    lengths = (5, 31, 17)
    prompts = [ids_of(length + 1, seed=length) for length in lengths]
    with torch.inference_mode():
        cache = net.new_cache()
        cache.reserve(3, 64)
        for slot, prompt in enumerate(prompts):
            net(prompt[:, :-1], [0], cache, slot)
        together = net.logits(net(torch.cat([prompt[:, -1:] for prompt in prompts]), list(lengths), cache))
    for row, prompt in zip(together, prompts, strict=True):
        assert (row - logits_of(net, prompt)[-1]).abs().max() < 1e-4


def test_one_row_is_normalised_like_many() -> None:
    x, weight = torch.randn(3, 48), torch.randn(48)
    alone = torch.cat([rms_norm(row.unsqueeze(0), weight, 1e-5) for row in x])
    assert torch.allclose(alone, rms_norm(x, weight, 1e-5), atol=1e-5)


def test_widened_weights_give_the_same_bits() -> None:
    weights = {name: tensor.bfloat16() if tensor.dim() == 2 else tensor
               for name, tensor in random_weights(LLAMA).items()}
    net = Transformer.of(LLAMA, weights)
    before = logits_of(net, ids_of(20), (8,))
    net.widen()
    assert torch.equal(logits_of(net, ids_of(20), (8,)), before)


def test_growing_a_cache_keeps_what_it_holds() -> None:
    net = Transformer.of(LLAMA, random_weights(LLAMA))
    ids = ids_of(20)
    with torch.inference_mode():
        cache = net.new_cache()
        cache.reserve(1, 10)
        net(ids[:, :10], [0], cache, 0)
        cache.reserve(4, 300)
        cache.move(0, 3, 10)
        rest = net.logits(net(ids[:, 10:], [10], cache, 3))
    assert (rest - logits_of(net, ids)[10:]).abs().max() < 1e-4


@pytest.mark.parametrize("change", ["missing", "extra", "shape"])
def test_weights_that_do_not_fit_are_refused(change: str) -> None:
    weights = random_weights(LLAMA)
    if change == "missing":
        del weights["blocks.1.attention.o.weight"]
    elif change == "extra":
        weights["blocks.9.attention.o.weight"] = torch.zeros(1)
    else:
        weights["norm.weight"] = torch.zeros(7)
    with pytest.raises(Damaged, match=r"blocks.1.attention.o|blocks.9.attention.o|norm.weight"):
        Transformer.of(LLAMA, weights)
