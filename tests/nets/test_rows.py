"""Learning's pass over rows against the cached pass, and its gradients against the transformers library."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from reference import random_weights, reference
from test_transformer import FAMILIES, LLAMA, ids_of, logits_of
from torch.nn import functional

from makar.methods.autoregress.loss import MOST_LOGITS, NOT_LEARNED, Learner, next_token_loss, summed_loss
from makar.nets.rows import block_rows, hidden_rows, initialised, places
from makar.nets.transformer import Transformer

CPU = torch.device("cpu")


def learner_of(net: Transformer, num_tok: int) -> Learner:
    return Learner(net, places(net, num_tok, CPU), torch.float32)


@pytest.mark.parametrize("name", FAMILIES)
def test_rows_are_what_the_cache_gives(name: str) -> None:
    net = Transformer.of(FAMILIES[name], random_weights(FAMILIES[name]))
    rows = torch.cat([ids_of(40, seed) for seed in (1, 2, 3)])
    hidden = hidden_rows(net, rows, places(net, 40, CPU), torch.float32)
    for row, found in zip(rows, hidden, strict=True):
        assert (net.logits(found) - logits_of(net, row.unsqueeze(0))).abs().max() < 1e-4


@pytest.mark.parametrize("name", FAMILIES)
def test_gradients_are_those_of_the_reference(name: str) -> None:
    config, weights = FAMILIES[name], random_weights(FAMILIES[name])
    theirs = reference(config, weights).requires_grad_(True)
    ids = torch.cat([ids_of(33, seed) for seed in (4, 5)])
    logits = theirs(ids[:, :-1]).logits
    functional.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), reduction="sum").backward()
    ours = Transformer.of(config, weights).requires_grad_(True)
    next_token_loss(learner_of(ours, 32), ids[:, :-1], ids[:, 1:]).backward()
    expected = dict(theirs.named_parameters())
    pairs = [("embed.weight", "model.embed_tokens.weight"), ("norm.weight", "model.norm.weight"),
             ("blocks.1.mlp.down.weight", "model.layers.1.mlp.down_proj.weight"),
             ("blocks.0.attention.o.weight", "model.layers.0.self_attn.o_proj.weight")]
    for name_here, name_there in pairs:
        gradient, wanted = ours.get_parameter(name_here).grad, expected[name_there].grad
        assert gradient is not None and wanted is not None
        if name_here == "embed.weight":  # theirs takes token 0 for padding, whose embedding has no gradient
            gradient, wanted = gradient[1:], wanted[1:]
        assert (gradient - wanted).abs().max() < 1e-4 * wanted.abs().max()


def test_what_is_not_learned_has_no_part(monkeypatch: pytest.MonkeyPatch) -> None:
    net = initialised(LLAMA, 0)
    inputs, targets = ids_of(32), ids_of(32, 2)
    learned = torch.where(torch.arange(32) % 2 == 0, targets, NOT_LEARNED)
    whole = learner_of(net, 32)
    logits = net.logits(hidden_rows(net, inputs, whole.at, torch.float32)[0])
    expected = -logits.log_softmax(-1)[torch.arange(0, 32, 2), targets[0, ::2]].sum()
    assert torch.isclose(next_token_loss(whole, inputs, learned), expected, rtol=1e-5)


def test_logits_in_parts_give_the_same_loss_and_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    net = initialised(LLAMA, 0)
    hidden = torch.randn(50, LLAMA.dim, generator=torch.Generator().manual_seed(0))
    targets = ids_of(50)[0]
    found = []
    for most in (1 << 25, 7 * LLAMA.vocab_size):
        monkeypatch.setitem(MOST_LOGITS, "cpu", most)
        given = hidden.clone().requires_grad_(True)
        loss = summed_loss(net.embed, given, targets)
        loss.backward()
        found.append((loss.detach(), given.grad))
    assert torch.isclose(found[0][0], found[1][0], rtol=1e-6)
    assert torch.allclose(found[0][1], found[1][1], atol=1e-6)


def test_bf16_stays_near_fp32_and_keeps_fp32_gradients() -> None:
    net = initialised(dataclasses.replace(LLAMA, qk_norm=True), 0)
    rows = ids_of(33)
    wide = next_token_loss(learner_of(net, 32), rows[:, :-1], rows[:, 1:])
    narrow = next_token_loss(dataclasses.replace(learner_of(net, 32), dtype=torch.bfloat16), rows[:, :-1], rows[:, 1:])
    narrow.backward()
    assert abs(float(narrow.detach() / wide.detach()) - 1) < 0.02
    assert net.embed.weight.grad is not None and net.embed.weight.grad.dtype == torch.float32


def test_a_block_of_its_own_is_what_a_net_runs() -> None:
    net = initialised(LLAMA, 3)
    seen = []

    def counted(block: torch.nn.Module, x: torch.Tensor, at: object) -> torch.Tensor:
        seen.append(block)
        return block_rows(block, x, at)

    hidden_rows(net, ids_of(8), places(net, 8, CPU), torch.float32, counted)
    assert seen == list(net.blocks)
