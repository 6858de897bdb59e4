"""How much likelier a text is if it was marked, told by a detector that has the model at hand.

A model says which tokens it might have drawn at each place of the text and how likely each was; the key says who of
them wins the tournament. What the winner's distribution gives the token that stands there, over what the model gives
it, is a likelihood ratio. It sees more than the token's own bits do: also whom it won against, and what nobody drew.

An edited text misleads a model beyond the edits themselves. A token is left out where it is none that the model might
have drawn and the next one fits better in its place; what is left is read once more.

Without the key the bits are fair coins, whatever the text and the model are. So what the sum of the logarithms comes to
by chance is found by throwing them: a bad guess at the model, its prompt or its settings costs power, never a false
alarm.

Source: Neyman and Pearson 1933, Phil. Trans. R. Soc. A 231 (the likelihood ratio); Dathathri et al. 2024, Nature 634
(the winner's distribution)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from makar.codecs.bpe import Tokenizer
from makar.marks.tail import p_value_of_draws
from makar.marks.tournament import LEAST_FRAC, NUM_LAYERS, Bits, Reals, Scheme, messages, words

EDITED_FRAC = 0.3
"""How many places are taken to say nothing although all that stands there might have been drawn."""
LAYERS_TOLD = (10, 20, NUM_LAYERS)
TEMPERATURES = (1.0, 1.5)
"""The ratio is the mean of those told by so many layers and so flat a guess: who would win the later layers depends
much on what was guessed, and guesses at an edited text are too sure of themselves."""
FEW_FRAC = 0.02
"""Fewer tokens than this that do not fit are left in: reading the text once more would tell little."""
NUM_THROWS = 255


@dataclass(frozen=True)
class Guess:
    """What a model might have drawn at one place of a text, best first.

    Shapes: tokens (K,), shares (K,) with sum 1
    """

    tokens: NDArray[np.int64]
    shares: Reals

    def place(self, token: int) -> int | None:
        """Where the token stands among the candidates; None if it does not."""
        places = np.flatnonzero(self.tokens == token)
        return int(places[0]) if len(places) else None

    def share(self, token: int) -> float:
        """How likely the token is."""
        place = self.place(token)
        return 0.0 if place is None else float(self.shares[place])


Guesses = Callable[[Sequence[int]], Sequence[Guess]]
"""From the tokens of a text to a guess for each (`LanguageModel.guesses`)."""


@dataclass(frozen=True)
class Speaker:
    """A model that is at hand: who it is, how it reads a text, and what it might have said."""

    name: str
    tokenizer: Tokenizer
    guesses: Guesses


@dataclass(frozen=True)
class Likelihood:
    """A text that is compared with what a model might have said.

    telling: the tokens with a whole context that say something: they and their context might all have been drawn, and
    there was a choice. A token that the model would not have drawn was put there by somebody else.
    by_chance: what each of them says when the bits are thrown

    Shapes: by_chance (telling, throws)
    """

    scheme: Scheme
    ids: Sequence[int]
    guesses: Sequence[Guess]
    telling: NDArray[np.int64]
    by_chance: Reals

    def scores(self, key: bytes) -> Reals:
        """The logarithms of the ratios under a key, by lane. Shapes: -> (tokens with a context, lanes)"""
        found = np.zeros((max(0, len(self.ids) - self.scheme.context_tok), self.scheme.num_lanes))
        for start in self.telling:
            end = start + self.scheme.context_tok
            guess, token = self.guesses[end], self.ids[end]
            bits = words(key, messages(self.ids[start:end], _head(guess)))[:, :self.scheme.num_lanes].T
            found[start] = _log_ratios(guess, token, bits)
        return found

    def chance(self, scores: Reals, counted: NDArray[np.int64]) -> float:
        """How likely fair coins are to reach the sum of one lane's scores at the places that count.

        Shapes: scores (tokens with a context,)
        """
        rows = np.flatnonzero(np.isin(self.telling, counted))
        own = scores[self.telling[rows]]
        return p_value_of_draws(float(own.sum()), np.column_stack((own, self.by_chance[rows])))


def likelihood(scheme: Scheme, ids: Sequence[int], guesses: Sequence[Guess]) -> Likelihood:
    """Compares a text with a model's guesses, one for each token."""
    likely = np.array([guess.place(token) is not None for token, guess in zip(ids, guesses, strict=True)], dtype=bool)
    context_tok, thrower = scheme.context_tok, np.random.default_rng(len(ids))
    telling = [end - context_tok for end in range(context_tok, len(ids))
               if likely[end - context_tok:end + 1].all() and len(guesses[end].tokens) > 1]
    by_chance = np.empty((len(telling), NUM_THROWS))
    for row, start in enumerate(telling):
        guess, token = guesses[start + context_tok], ids[start + context_tok]
        bits = thrower.integers(0, 1 << NUM_LAYERS, (NUM_THROWS, len(_head(guess))), dtype=np.uint32)
        by_chance[row] = _log_ratios(guess, token, bits)
    return Likelihood(scheme, ids, guesses, np.array(telling, dtype=np.int64), by_chance)


def fitting(ids: Sequence[int], guesses: Sequence[Guess]) -> list[int]:
    """The places of a text that somebody changed, without those of tokens that were put there: a token that might not
    have been drawn, where the next one fits better in its place than in its own."""
    places, left_out = [0] if ids else [], False
    for place in range(1, len(ids)):
        misfit = not left_out and place + 1 < len(ids) and guesses[place].place(ids[place]) is None
        left_out = misfit and guesses[place].share(ids[place + 1]) > guesses[place + 1].share(ids[place + 1])
        if not left_out:
            places.append(place)
    return places if len(places) < (1 - FEW_FRAC) * len(ids) else list(range(len(ids)))


def _head(guess: Guess) -> NDArray[np.int64]:
    """The candidates that have bits."""
    return guess.tokens[:int((guess.shares >= LEAST_FRAC).sum())]


def _log_ratios(guess: Guess, token: int, bits: Bits) -> Reals:
    """The logarithm of how much likelier a candidate is under each set of bits, an edit allowed for.

    Shapes: bits (n, head) -> (n,)
    """
    at = guess.place(token)
    assert at is not None, "only candidates are asked about"
    ratios = np.mean(list(_ratios(guess, at, bits)), axis=(0, 1))
    logs: Reals = np.log(EDITED_FRAC + (1 - EDITED_FRAC) * ratios)
    return logs


def _ratios(guess: Guess, at: int, bits: Bits) -> Iterator[Reals]:
    """How much likelier the candidate in a place is at each temperature, told by ever more layers: `tournament` for
    many sets of bits at once.

    Shapes: bits (n, head) -> (temperatures, n) each
    """
    flat = guess.shares ** (1 / np.array(TEMPERATURES)[:, None])
    shares, num = flat / flat.sum(axis=1, keepdims=True), bits.shape[1]
    best = np.repeat(shares[:, None, :num], len(bits), axis=1)
    rest = np.maximum(0.0, 1.0 - best.sum(axis=2, keepdims=True))
    thinned = np.ones_like(rest)
    for layer in range(NUM_LAYERS):
        g = bits >> np.uint32(layer) & 1
        mean = (best * g).sum(axis=2, keepdims=True) + 0.5 * rest * thinned
        best *= g + (1.0 - mean)
        thinned *= 1.5 - mean
        if layer + 1 in LAYERS_TOLD:
            yield best[:, :, at] / shares[:, at, None] if at < num else thinned[:, :, 0]
