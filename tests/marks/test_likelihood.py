"""closed_form: the likelihood ratio of a mark has mean 1 over keys, and a wrong guess costs power and nothing else."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from marked_letters import guesses, letters, write

from makar.marks.key import MarkKey
from makar.marks.likelihood import EDITED_FRAC, Guess, Speaker, fitting, likelihood
from makar.marks.text import detect, p_values
from makar.marks.tokenizers import Known
from makar.marks.tournament import NUM_LAYERS, SCHEME, messages, tournament, words

KEY = MarkKey(bytes(range(32)))


@pytest.fixture(scope="module")
def known() -> Known:
    return letters()


def ratios(key: bytes, ids: list[int], guessed: list[Guess]) -> np.ndarray:
    """The ratios by place and lane, the allowance for edits taken off again."""
    scores = likelihood(SCHEME, ids, guessed).scores(key)
    return (np.exp(scores) - EDITED_FRAC) / (1 - EDITED_FRAC)


def test_the_ratio_is_what_a_tournament_of_its_own_makes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("makar.marks.likelihood.LAYERS_TOLD", (NUM_LAYERS,))
    monkeypatch.setattr("makar.marks.likelihood.TEMPERATURES", (1.0,))
    guessed = [Guess(np.array([7, 3, 9]), np.array([0.6, 0.39995, 0.00005]))] * 3
    bits = words(bytes(64), messages([7, 3], [7, 3]))
    for place, token in enumerate((7, 3, 9)):
        won = [tournament(guessed[0].shares, np.arange(2), bits[:, lane])[place] for lane in range(SCHEME.num_lanes)]
        assert np.allclose(ratios(bytes(64), [7, 3, token], guessed)[0], np.array(won) / guessed[0].shares[place])


def test_the_mean_over_keys_is_one_whatever_was_guessed() -> None:
    guessed = [Guess(np.array([7, 3]), np.array([0.6, 0.4]))] * 3
    for token in (7, 3):
        found = np.array([ratios(number.to_bytes(32, "big"), [7, 3, token], guessed)[0] for number in range(200)])
        assert abs(found.mean() - 1) < 4 * found.std() / np.sqrt(found.size)


def test_what_the_model_would_not_have_drawn_says_nothing_and_neither_does_what_follows(known: Known) -> None:
    ids = known.tokenizer.encode(write(known, 40, key=KEY, seed=3))
    guessed, key = guesses(known, 40, seed=3), KEY.derive(SCHEME.name, 64)
    whole = likelihood(SCHEME, ids, guessed).scores(key)
    ids[20] = 0  # no letter
    edited = likelihood(SCHEME, ids, guessed).scores(key)
    changed = np.flatnonzero((whole != edited).any(axis=1)) + SCHEME.context_tok
    assert set(changed) == {20, 21, 22}
    assert not edited[changed - SCHEME.context_tok].any()


@pytest.mark.parametrize(("ids", "left"), [
    ([0, 1, 2, 9, 3, 4], [0, 1, 2, 4, 5]),  # the next token fits in its place
    ([0, 1, 2, 7, 8, 9], [0, 1, 2, 3, 4, 5]),  # a surprise that the text goes on with
    ([0, 9], [0, 1]),
    ([*range(50), 7, *range(50, 100)], [*range(101)]),  # too few to read it again
    ([], []),
])
def test_tokens_that_were_put_there_are_left_out(ids: list[int], left: list[int]) -> None:
    after = [Guess(np.array([before + 1]), np.ones(1)) for before in [-1, *ids[:-1]]]
    assert fitting(ids, after[:len(ids)]) == left


def test_a_text_with_tokens_put_in_is_read_without_them(known: Known) -> None:
    text, guessed = write(known, 120, key=KEY, seed=5), guesses(known, 120, seed=5)
    ids, asked, (zero,) = known.tokenizer.encode(text), list[list[int]](), known.tokenizer.encode("0")
    changed = "".join(f"{letter}0" if place % 9 == 8 else letter for place, letter in enumerate(text))

    def read(some: Sequence[int]) -> list[Guess]:
        """What follows a letter is known; after what was put there more of it is expected."""
        asked.append(list(some))
        told, num = [], 0
        for place, token in enumerate(some):
            lost = place > 0 and some[place - 1] == zero
            told.append(Guess(np.array([zero]), np.ones(1)) if lost else guessed[min(num, 119)])
            num += token != zero
        return told

    found = detect(changed, keys=[KEY], tokenizers=[], speaker=Speaker("letters", known.tokenizer, read))
    assert asked[1] == ids
    assert found.found and (found.start, found.end) == (0, len(changed.rstrip("0")))


def test_the_model_at_hand_finds_what_is_predictable_and_edited(known: Known) -> None:
    text, random = write(known, 90, key=KEY, seed=5, sharpness=6.0), np.random.default_rng(0)
    edited = "".join("0" if random.random() < 0.2 else letter for letter in text)
    guessed = guesses(known, 90, seed=5, sharpness=6.0)
    blind = detect(edited, keys=[KEY], tokenizers=[known])
    speaker = Speaker("letters", known.tokenizer, lambda ids: guessed)
    seeing = detect(edited, keys=[KEY], tokenizers=[known], speaker=speaker)
    assert not blind.found
    assert seeing.found and "might have said" in seeing.says
    assert seeing.num_tests == 2 * blind.num_tests
    assert detect(edited, keys=[KEY], tokenizers=[], speaker=speaker).p_value == pytest.approx(seeing.p_value / 2)


@pytest.mark.parametrize("wrong", [0, 100])
def test_no_mark_is_found_where_none_is(wrong: int, known: Known) -> None:
    """Unmarked texts, with the guesses that they were drawn from and with those of other texts."""
    p_values = []
    for seed in range(2):
        ids = known.tokenizer.encode(write(known, 60, key=None, seed=seed))
        compared = likelihood(SCHEME, ids, guesses(known, 60, seed=seed + wrong))
        for number in range(25):
            scores = compared.scores(number.to_bytes(32, "big"))
            p_values += [compared.chance(scores[:, lane], np.arange(len(scores))) for lane in range(SCHEME.num_lanes)]
    for level in (0.01, 0.1):
        assert np.mean(np.array(p_values) <= level) <= level + 4 * np.sqrt(level / len(p_values))
    assert np.mean(np.array(p_values) <= 0.1) >= 0.05  # and they are not far too large either


def test_no_model_is_asked_where_the_key_is_enough(known: Known) -> None:
    def never(ids: object) -> list[Guess]:
        raise AssertionError("asked")

    text = write(known, 400, key=KEY, seed=5)
    assert detect(text, keys=[KEY], tokenizers=[known], speaker=Speaker("letters", known.tokenizer, never)).found
    found = p_values(text, [KEY, MarkKey(bytes(32))], known)
    assert found[0] == detect(text, keys=[KEY], tokenizers=[known]).p_value and found[1] > 1e-3
