"""closed_form: the tournament's distribution, by playing it out and by averaging over every key."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from makar.marks import tournament as marks
from makar.marks.key import MarkKey

SHARES = np.array([0.5, 0.3, 0.15, 0.05])


@pytest.mark.parametrize("head", [[0, 1, 2, 3], [0, 1], [1]])
def test_mean_over_all_keys_is_the_models_distribution(head: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marks, "_LAYERS", np.arange(3, dtype=np.uint32)[:, None])  # every value of 3 bits per token
    every = [marks.tournament(SHARES, np.array(head), np.array(bits, dtype=np.uint32))
             for bits in itertools.product(range(8), repeat=len(head))]
    assert np.allclose(np.mean(every, axis=0), SHARES, rtol=0, atol=1e-15)
    assert np.allclose(np.sum(every, axis=1), 1, rtol=0, atol=1e-12)


def test_closed_form_is_the_tournament_played_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marks, "_LAYERS", np.arange(2, dtype=np.uint32)[:, None])
    bits = np.array([0b01, 0b10, 0b11, 0b00], dtype=np.uint32)
    won = np.zeros(4)
    for players in itertools.product(range(4), repeat=4):  # two layers: four players, two matches, then the final
        chance = float(np.prod(SHARES[list(players)]))
        for place, share in _final(players, bits).items():
            won[place] += chance * share
    assert np.allclose(marks.tournament(SHARES, np.arange(4), bits), won, rtol=0, atol=1e-15)


def _final(players: tuple[int, ...], bits: np.ndarray) -> dict[int, float]:
    result: dict[int, float] = {}
    first, second = _match(players[0], players[1], bits, 0), _match(players[2], players[3], bits, 0)
    for (one, one_share), (two, two_share) in itertools.product(first.items(), second.items()):
        for place, share in _match(one, two, bits, 1).items():
            result[place] = result.get(place, 0) + one_share * two_share * share
    return result


def _match(one: int, two: int, bits: np.ndarray, layer: int) -> dict[int, float]:
    a, b = (int(bits[place]) >> layer & 1 for place in (one, two))
    if a != b:
        return {one if a > b else two: 1.0}
    return {one: 1.0} if one == two else {one: 0.5, two: 0.5}


def test_bits_are_those_of_keyed_blake2b_of_context_and_token() -> None:
    import hashlib

    ids = [1, 2, 3, 4, 70_000, 6]
    key = bytes(range(64))
    at_end, as_candidate = marks.messages_at(ids, [4, 5], 4), marks.messages(ids[:4], [70_000])
    assert at_end[0] == as_candidate[0] == b"".join(token.to_bytes(4, "little") for token in ids[:5])
    word = int.from_bytes(hashlib.blake2b(at_end[0], key=key, digest_size=64).digest()[8:12], "little")
    assert marks.words(key, at_end).shape == (2, 16)
    assert int(marks.words(key, at_end)[0, 2]) == word


def test_unmarked_until_two_tokens_and_where_a_context_returns() -> None:
    marker = marks.Marker(MarkKey(bytes(32)), seed=0)
    weights = np.array([0.6, 0.4])
    changed = []
    for token in [1, 2, 3, 1, 2, 6]:
        changed.append(marker.reweigh(None, weights) is not weights)
        marker.push(token)
    assert changed == [False] * 2 + [True] * 3 + [False]


def test_lanes_of_neighbouring_seeds_are_independent_and_repeat_after_four() -> None:
    weights = np.full(64, 1 / 64)
    winners = []
    for seed in range(16):
        marker = marks.Marker(MarkKey(bytes(32)), seed)
        for token in range(4):
            marker.push(token)
        winners.append(int(np.argmax(marker.reweigh(None, weights))))
    assert winners[:4] == winners[4:8] == winners[8:12]
    assert len(set(winners)) == 4


def test_tokens_with_no_weight_stay_impossible() -> None:
    marker = marks.Marker(MarkKey(bytes(32)), seed=0)
    for token in range(4):
        marker.push(token)
    won = marker.reweigh(None, np.array([0.0, 0.5, 0.0, 0.5], dtype=np.float32))
    assert won[0] == won[2] == 0
    assert won.sum() == pytest.approx(1)
