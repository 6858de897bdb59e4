"""Signatures estimate what two texts share; duplicates are found, and nothing else."""

from __future__ import annotations

import hashlib
import random

import numpy as np
import pytest
from planted import edited, long_prose

from makar.curation.duplicates import DuplicatesConfig, bands_of, exact_duplicates, near_duplicates
from makar.curation.minhash import NUM_BINS, signatures, similarity
from makar.curation.words import words_of
from makar.kit.errors import BadInput


def jaccard(left: str, right: str, size: int) -> float:
    """The exact share of runs in common."""
    one, other = ({int(run) for run in words_of([text]).shingles(size)[0]} for text in (left, right))
    return len(one & other) / len(one | other)


@pytest.mark.parametrize("share", [0.0, 0.02, 0.1, 0.3])
def test_the_estimate_is_unbiased(share: float) -> None:
    texts = [long_prose(seed) for seed in range(120)]
    others = [edited(text, seed, share) if share else text for seed, text in enumerate(texts)]
    exact = np.array([jaccard(text, other, 3) for text, other in zip(texts, others, strict=True)])
    estimate = similarity(signatures(texts, shingle_words=3), signatures(others, shingle_words=3))
    # 120 documents of 128 bins: the standard error of the mean is at most 0.5 / sqrt(120 * 128)
    assert abs(float((estimate - exact).mean())) < 4 * 0.5 / np.sqrt(120 * NUM_BINS)
    assert float(np.abs(estimate - exact).max()) < 6 * 0.5 / np.sqrt(NUM_BINS)


def test_a_signature_does_not_depend_on_its_batch() -> None:
    texts = [long_prose(seed) for seed in range(20)] + ["two words", "", "x"]
    together = signatures(texts, shingle_words=3)
    alone = np.concatenate([signatures([text], shingle_words=3) for text in texts])
    assert np.array_equal(together, alone)
    assert (together[-2] == 0xFFFFFFFF).all()
    assert (together[-3] != 0xFFFFFFFF).all()


def test_planted_edits_are_found_and_nothing_else() -> None:
    rng = random.Random(7)
    texts = [long_prose(seed) for seed in range(900)]
    planted = [edited(texts[rng.randrange(900)], 10_000 + number) for number in range(100)]
    twins, shares = near_duplicates(signatures([*texts, *planted], shingle_words=3), DuplicatesConfig())
    found = set(np.flatnonzero(twins >= 0).tolist())
    true = set(range(900, 1_000))
    assert len(found & true) >= 98
    assert len(found & true) >= 0.98 * len(found)
    assert all(jaccard([*texts, *planted][one], [*texts, *planted][int(twins[one])], 3) > 0.6 for one in found)
    assert (shares[sorted(found)] >= 0.7).all()


def test_the_first_of_a_group_is_kept() -> None:
    text = long_prose(1)
    texts = [long_prose(2), text, long_prose(3), edited(text, 1), edited(text, 2), edited(text, 3)]
    twins, _ = near_duplicates(signatures(texts, shingle_words=3), DuplicatesConfig())
    assert (twins >= 0).tolist() == [False, False, False, True, True, True]
    assert set(twins[3:].tolist()) <= {1, 3, 4}


def test_texts_without_words_are_like_no_other() -> None:
    twins, _ = near_duplicates(signatures(["", "...", "!!", "a b c d"], shingle_words=3), DuplicatesConfig())
    assert (twins == -1).all()


def test_a_threshold_of_one_looks_for_exact_duplicates_only() -> None:
    rows = signatures([long_prose(1), edited(long_prose(1), 1)], shingle_words=3)
    assert (near_duplicates(rows, DuplicatesConfig(threshold=1.0))[0] == -1).all()
    with pytest.raises(BadInput, match="threshold"):
        DuplicatesConfig(threshold=0)


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.7, 0.8, 0.9, 0.99])
def test_bands_find_a_pair_at_the_threshold(threshold: float) -> None:
    bands, rows = bands_of(threshold)
    assert bands * rows <= NUM_BINS
    assert 1 - (1 - threshold**rows) ** bands >= 0.99


def test_exact_duplicates_name_the_first() -> None:
    said = [b"a", b"b", b"a", b"c", b"b", b"a"]
    hashes = np.frombuffer(b"".join(hashlib.sha256(one).digest() for one in said), np.uint8).reshape(-1, 32)
    assert exact_duplicates(hashes).tolist() == [-1, -1, 0, -1, 1, 0]
    assert exact_duplicates(hashes[:0]).tolist() == []
