"""What is proposed, and how much of it."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from makar.methods.autoregress.speculate import MOST_DRAFT_TOK, Drafter, RowCost, draft_length


def steps(drafter: Drafter, tokens: list[int], row_cost: float = 0.1) -> tuple[int, int]:
    """(steps, rows of drafts) that it takes to make these tokens."""
    num_steps = num_rows = at = 0
    while at < len(tokens):
        draft = drafter.draft(row_cost, MOST_DRAFT_TOK)
        num_steps, num_rows = num_steps + 1, num_rows + len(draft)
        for guess in [*draft, None]:
            drafter.push(tokens[at])
            at += 1
            if at == len(tokens) or tokens[at - 1] != guess:
                break
    return num_steps, num_rows


def test_a_copy_takes_few_steps_and_a_changed_token_does_not_lose_the_place() -> None:
    text = random.Random(1).sample(range(10_000), 300)
    num_steps, num_rows = steps(Drafter([*text, 10_001, 10_002]), text)
    assert num_steps < 300 / 5 and num_rows < 2 * 300
    changed = [token + 20_000 if place % 40 == 20 else token for place, token in enumerate(text)]
    assert steps(Drafter([*text, 10_001, 10_002]), changed)[0] < 300 / 3


def test_lines_alike_are_followed_where_the_copy_stands_and_not_where_the_last_line_stood() -> None:
    lines = [[1, 2, 100 + row, 3, 4, 200 + row, 5] for row in range(40)]
    text = [token for line in lines for token in line]
    assert steps(Drafter([*text, 6, 7]), text)[0] < len(text) / 5


def test_a_longer_agreement_is_trusted_with_a_longer_draft() -> None:
    text = random.Random(3).sample(range(10_000), 100)
    lengths = [len(Drafter([*text, *text[:agreed]]).draft(0.1, MOST_DRAFT_TOK)) for agreed in (2, 4, 16, 32)]
    assert 0 < lengths[0] < lengths[1] < lengths[2] <= lengths[3] == MOST_DRAFT_TOK


def test_what_never_repeats_is_never_drafted_for() -> None:
    assert steps(Drafter([1, 2, 3]), random.Random(2).sample(range(10_000), 400)) == (400, 0)


def test_right_guesses_bring_drafts_and_wrong_ones_stop_them() -> None:
    fresh = iter(random.Random(2).sample(range(10_000), 600))
    drafter = Drafter([1, 2, 3])
    faithful = [token for _ in range(200) for token in (20_000, 20_001, 20_002, next(fresh))]
    assert steps(drafter, faithful)[1] > 100
    early, late = ([token for _ in range(100) for token in (20_003, 20_004, next(fresh), next(fresh))]
                   for _ in range(2))
    assert 0 < steps(drafter, early)[1] < 200
    assert steps(drafter, late) == (len(late), 0)


@pytest.mark.parametrize("prompt", [[], [1], [1, 1], [1, 1, 1], [1, 2, 1, 2, 1]])
def test_prompts_shorter_than_what_is_looked_up(prompt: list[int]) -> None:
    drafter = Drafter(prompt)
    for token in [1, 2] * 40:
        drafter.push(token)
    draft = drafter.draft(0.01, MOST_DRAFT_TOK)
    assert len(draft) == MOST_DRAFT_TOK  # longer than the repetition, which goes round
    assert draft[0] == 1 and all(a != b for a, b in pairwise(draft))


def test_the_length_is_the_best_of_all_lengths() -> None:
    random_ = random.Random(4)
    for _ in range(200):
        shares, cost = [random_.random() for _ in range(8)], random_.uniform(0.01, 1)

        def rate(num_tok: int, shares: list[float] = shares, cost: float = cost) -> float:
            chance, made = 1.0, 1.0
            for share in shares[:num_tok]:
                chance *= share
                made += chance
            return made / (1 + cost * num_tok)

        assert draft_length(shares, cost) == max(range(9), key=rate)


def test_the_cost_of_a_row_is_learnt_from_steps_with_and_without_drafts() -> None:
    cost = RowCost(usual=0.5)
    for _ in range(200):
        cost.took(1, 0, 0.010)
        cost.took(1, 5, 0.015)
    assert cost.of(1) == pytest.approx(0.1, rel=0.01)
    assert cost.of(2) == 0.5
