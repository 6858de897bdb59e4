"""The code of a payload's halves: its decoder is the best there is, word by word."""

from __future__ import annotations

import numpy as np

from makar.marks.block_code import NUM_WORDS, decode, encode


def columns(num: int, seed: int = 0):
    return np.random.default_rng(seed).integers(1, NUM_WORDS, num).astype(np.uint16)


def test_every_word_reads_back_through_noise():
    chance, picked = np.random.default_rng(1), columns(200)
    for message in [0, 1, NUM_WORDS - 1, *chance.integers(0, NUM_WORDS, 20).tolist()]:
        received = encode(picked, message) + chance.normal(0, 1, 200)
        assert decode(picked, received).argmax() == message


def test_the_decoder_finds_what_trying_every_word_finds():
    chance, picked = np.random.default_rng(2), columns(40)
    received = chance.normal(0, 1, 40)
    all_sums = np.array([encode(picked, message) @ received for message in range(NUM_WORDS)])
    sums = decode(picked, received)
    assert np.allclose(sums, all_sums)
