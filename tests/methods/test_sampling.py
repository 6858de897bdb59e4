"""Sampling against closed forms, plain references and its own promises."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from makar.kit.errors import BadInput, Damaged
from makar.methods.autoregress.sampling import Chooser, Sampling, Seen, draw, kept

PLAIN = {"temperature": 1.0, "top_p": 1.0, "repetition_penalty": 1.0}
# The 1 - 1e-6 quantiles of chi-square with 1..7 degrees of freedom: a right sampler fails once in a million seeds.
CHI2_LIMIT = {1: 23.9, 2: 27.6, 3: 30.7, 4: 33.4, 5: 35.9, 6: 38.3, 7: 40.5}


def sampling(**settings_: object) -> Sampling:
    return Sampling(**{**PLAIN, **settings_})  # type: ignore[arg-type]


def tokens(logits: Tensor, how: Sampling, num: int, prompt: tuple[int, ...] = ()) -> list[int]:
    chooser = Chooser(how, prompt)
    return [chooser.choose(logits).token for _ in range(num)]


def chi_square(drawn: list[int], probabilities: np.ndarray) -> tuple[float, int]:
    counts = np.bincount(drawn, minlength=len(probabilities))
    possible = probabilities > 0
    assert counts[~possible].sum() == 0, "a token of probability 0 was drawn"
    expected = probabilities[possible] * len(drawn)
    return float(((counts[possible] - expected) ** 2 / expected).sum()), int(possible.sum()) - 1


def reference_cut(logits: np.ndarray, how: Sampling) -> np.ndarray:
    """The distribution after temperature, top-k, top-p and min-p, the slow and obvious way."""
    weights = np.exp((logits - logits.max()).astype(np.float64) / how.temperature)
    order = sorted(range(len(weights)), key=lambda i: (-weights[i], i))
    if how.top_k:
        order = order[: how.top_k]
    total, running, left = sum(weights[i] for i in order), 0.0, []
    for i in order:
        if running >= how.top_p * total:
            break
        left.append(i)
        running += weights[i]
    left = [i for i in left if weights[i] >= how.min_p * weights[order[0]]]
    out = np.zeros(len(weights))
    out[left] = weights[left]
    return out / out.sum()


@pytest.mark.parametrize("how", [
    sampling(),
    sampling(temperature=0.5),
    sampling(temperature=3.0),
    sampling(top_k=3),
    sampling(top_p=0.8),
    sampling(min_p=0.2),
    sampling(temperature=1.5, top_k=5, top_p=0.9, min_p=0.1),
], ids=["plain", "cold", "hot", "top-k", "top-p", "min-p", "all"])
def test_draws_follow_the_closed_form(how: Sampling) -> None:
    logits = torch.tensor([2.0, 1.0, 0.5, 1.7, -1.0, 0.0, -3.0, 1.2])
    distance, freedom = chi_square(tokens(logits, how, 8000), reference_cut(logits.numpy(), how))
    assert distance < CHI2_LIMIT[freedom]


def test_first_draws_over_seeds_follow_the_closed_form() -> None:
    logits = torch.tensor([1.0, 0.0, 0.5, -1.0])
    drawn = [tokens(logits, sampling(seed=seed), 1)[0] for seed in range(4000)]
    distance, freedom = chi_square(drawn, torch.softmax(logits, 0).double().numpy())
    assert distance < CHI2_LIMIT[freedom]


@settings(deadline=None)
@given(st.data())
def test_cuts_equal_the_obvious_way(data: st.DataObject) -> None:
    seed, size = data.draw(st.integers(0, 10**6)), data.draw(st.integers(1, 400))
    spread = data.draw(st.sampled_from([0.0, 0.1, 1.0, 4.0, 30.0]))
    logits = torch.randn(size, generator=torch.Generator().manual_seed(seed)) * spread
    if data.draw(st.booleans()):
        logits = (logits * 4).round() / 4  # ties, as low-precision weights give
    how = sampling(
        temperature=data.draw(st.sampled_from([0.3, 1.0, 2.0])), top_k=data.draw(st.sampled_from([0, 1, 7, 1000])),
        top_p=data.draw(st.sampled_from([1.0, 0.9371, 0.5113, 0.013])),
        min_p=data.draw(st.sampled_from([0.0, 0.0511, 0.77])))
    scaled = (logits - logits.max()) / how.temperature
    ids, weights = kept(scaled.numpy(), how)
    got = np.zeros(size)
    got[slice(None) if ids is None else ids] = weights
    wanted = reference_cut(logits.numpy(), how)
    got[got < 1e-9 * got.max()] = wanted[wanted < 1e-9 * wanted.max()] = 0  # lost in the rounding of the plain sum
    # A sum that lands on the border within rounding may keep one token more or fewer; nothing else may differ.
    assert abs(np.count_nonzero(got) - np.count_nonzero(wanted)) <= (1 if spread < 1 else 0)
    if np.count_nonzero(got) == np.count_nonzero(wanted):
        np.testing.assert_allclose(got / got.sum(), wanted, atol=1e-5)


def test_a_flat_distribution_still_reaches_its_mass() -> None:
    scaled = torch.zeros(5000)
    ids, weights = kept(scaled.numpy(), sampling(top_p=0.9))
    assert ids is not None
    assert list(ids) == list(range(4500))
    assert len(weights) == 4500


def test_a_heavy_tail_below_every_reach_is_still_kept() -> None:
    scaled = torch.full((200_001,), -11.0)  # one token at 0, and 3.3 times its mass spread thin below exp(-10)
    scaled[7] = 0.0
    ids, _ = kept(scaled.numpy(), sampling(top_p=0.9))
    assert ids is not None
    tail = math.exp(-11) * 200_000
    assert len(ids) == pytest.approx(1 + (0.9 * (1 + tail) - 1) / math.exp(-11), abs=200)


def test_greedy_takes_the_best_and_the_lowest_id_among_equals() -> None:
    logits = torch.zeros(1000)
    logits[[401, 77, 900]] = 5.0
    assert tokens(logits, sampling(temperature=0), 5) == [77] * 5


def test_top_k_1_keeps_the_lowest_id_among_equals() -> None:
    logits = torch.zeros(1000)
    logits[[401, 77, 900]] = 5.0
    assert set(tokens(logits, sampling(top_k=1), 50)) == {77}
    assert set(tokens(logits, sampling(top_k=2), 200)) == {77, 401}


def test_the_same_seed_draws_the_same_and_another_does_not() -> None:
    logits = torch.randn(500, generator=torch.Generator().manual_seed(1))
    first = tokens(logits, sampling(seed=3), 64)
    assert first == tokens(logits, sampling(seed=3), 64)
    assert first != tokens(logits, sampling(seed=4), 64)


def test_draws_do_not_depend_on_the_sequences_around() -> None:
    logits = torch.randn(500, generator=torch.Generator().manual_seed(1))
    alone = tokens(logits, sampling(seed=3), 40)
    one, other = Chooser(sampling(seed=3), ()), Chooser(sampling(seed=9), ())
    together = []
    for _ in range(40):
        other.choose(logits)
        together.append(one.choose(logits).token)
        torch.rand(3)
    assert together == alone


def test_an_extreme_temperature_neither_overflows_nor_underflows() -> None:
    logits = torch.tensor([300.0, 100.0, 299.0])
    assert set(tokens(logits, sampling(temperature=0.001), 50)) == {0}
    assert set(tokens(logits, sampling(temperature=100.0), 400)) == {0, 1, 2}


def test_draw_never_takes_a_weight_of_zero() -> None:
    weights = np.array([0.0, 0.25, 0.0, 0.75, 0.0])
    assert draw(weights, 0.0) == 1
    assert draw(weights, 0.25) == 3
    assert draw(weights, 1 - 2**-53) == 3


@settings(deadline=None)
@given(prompt=st.lists(st.integers(0, 19), max_size=30), made=st.lists(st.integers(0, 19), max_size=30),
       repetition=st.sampled_from([1.0, 1.05, 1.7, 0.8]), presence=st.sampled_from([0.0, 0.6, -1.0]),
       frequency=st.sampled_from([0.0, 0.3]))
def test_penalties_equal_the_plain_reference(
        prompt: list[int], made: list[int], repetition: float, presence: float, frequency: float) -> None:
    logits = torch.randn(20, generator=torch.Generator().manual_seed(len(prompt) * 31 + len(made)))
    how = Sampling(temperature=0, repetition_penalty=repetition, presence_penalty=presence, frequency_penalty=frequency)
    seen = Seen(prompt)
    for token in made:
        seen.add(token)
    wanted = logits.double().tolist()
    for token in range(20):
        if token in prompt or token in made:
            wanted[token] = wanted[token] / repetition if wanted[token] > 0 else wanted[token] * repetition
        if token in made:
            wanted[token] -= presence + frequency * made.count(token)
    got = logits.numpy().copy()
    seen.penalise(got, how)
    np.testing.assert_allclose(got, wanted, atol=1e-5)


def test_chosen_tokens_are_counted_and_penalised() -> None:
    logits = torch.tensor([3.0, 2.0, 1.0])
    assert tokens(logits, Sampling(temperature=0, frequency_penalty=1.5), 4) == [0, 1, 0, 2]
    assert tokens(logits, Sampling(temperature=0, repetition_penalty=2.0), 2, prompt=(0,)) == [1, 0]


def test_log_probabilities_are_of_the_untouched_distribution() -> None:
    logits = torch.tensor([1.0, 3.0, 3.0, -2.0, 0.5])
    how = Sampling(temperature=0.3, top_k=1, repetition_penalty=3.0, logprobs=3)
    choice = Chooser(how, [1]).choose(logits, lambda row: row[2:].fill_(-math.inf))
    exact = torch.log_softmax(logits.double(), 0)
    assert choice.token in (0, 1)
    assert choice.logprob == pytest.approx(float(exact[choice.token]), abs=1e-5)
    assert [token for token, _ in choice.top] == [1, 2, 0]
    assert [value for _, value in choice.top] == pytest.approx([float(exact[i]) for i in (1, 2, 0)], abs=1e-5)


def test_forbidden_tokens_are_never_drawn_and_the_model_s_logits_stay() -> None:
    logits = torch.randn(50, generator=torch.Generator().manual_seed(2))
    before = logits.clone()
    for how in (sampling(), sampling(top_p=0.999), sampling(top_k=40), sampling(temperature=0), sampling(min_p=0.001)):
        chooser = Chooser(how, ())
        drawn = {chooser.choose(logits, lambda row: row[5:].fill_(-math.inf)).token for _ in range(200)}
        assert drawn <= {0, 1, 2, 3, 4}
    assert torch.equal(logits, before)


def test_nothing_allowed_is_a_clear_error() -> None:
    with pytest.raises(BadInput, match="forbids every token"):
        Chooser(sampling(), ()).choose(torch.zeros(5), lambda row: row.fill_(-math.inf))


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_damaged_weights_are_named(bad: float) -> None:
    logits = torch.zeros(9)
    logits[4] = bad
    for temperature in (0, 1):
        with pytest.raises(Damaged, match="weights are damaged"):
            Chooser(sampling(temperature=temperature), ()).choose(logits)


@pytest.mark.parametrize(("field", "value"), [
    ("max_tok", 0), ("max_tok", 1.5), ("max_tok", True), ("temperature", -1), ("temperature", 1e-9),
    ("temperature", math.nan), ("temperature", "hot"), ("top_k", -1), ("top_p", 0), ("top_p", 1.1), ("min_p", -0.1),
    ("repetition_penalty", 0), ("presence_penalty", math.inf), ("frequency_penalty", None), ("seed", -1),
    ("seed", 2**64), ("stop", "end"), ("stop", ("",)), ("stop", ("\ud800",)), ("stop", ("x",) * 17), ("logprobs", 21),
])
def test_settings_out_of_range_are_refused_by_name(field: str, value: object) -> None:
    with pytest.raises(BadInput, match=f"^{field}"):
        Sampling(**{field: value})  # type: ignore[arg-type]
