"""Prompt-lookup speculation: what followed the same words before is proposed, and one step checks all of it.

A proposal is only ever a guess at what the sampler will choose. Every position is sampled from the model's own logits
by the sequence's own chooser and grammar, and the first token that differs ends the step; so the text is the same with
or without, at any temperature. What changes is how many rows a step computes, and that must pay: a draft is as long as
the share of right guesses and the measured cost of a row suggest, and nothing where they suggest that. The more tokens
before two places agree, the likelier do the next: shares are kept apart by how many agree.

Source: Saxena 2023, prompt lookup decoding; Leviathan et al. 2022, arXiv:2211.17192, eq. 1 (expected tokens per step)
"""

from __future__ import annotations

from collections.abc import Sequence

NGRAMS_TOK = (5, 2)
"""How many last tokens are looked up, the longest first."""
MOST_DRAFT_TOK = 15
MOST_ROWS = 16
_MEMORY = 1 / 16  # weight of the newest observation in a running mean
# How often a guess is right where 0, 1, 2.., 4.., 8.., 16.., 32.. tokens before it agree, until the sequence has told
_USUAL_SHARES = (0.1, 0.2, 0.4, 0.7, 0.85, 0.95, 0.99)
_MOST_AGREED_TOK = 32


class Drafter:
    """The proposals for one sequence and how often their tokens turned out right.

    A place that guessed right is followed on, over one changed token too; else what the last tokens followed before is
    looked up. Guesses that were proposed but not computed are judged as well, so that a sequence that starts to repeat
    itself is noticed without computing anything for it.
    """

    def __init__(self, prompt_ids: Sequence[int]) -> None:
        self._shares = list(_USUAL_SHARES)
        self._ids: list[int] = []
        self._ends: dict[tuple[int, ...], int] = {}
        self._guess: int | None = None
        for token in prompt_ids:
            self._ids.append(token)
            self._guess = self._look()
        self._agreed_tok = self._agreeing()

    def draft(self, row_cost: float, most_tok: int) -> list[int]:
        """What may follow, as many tokens as are worth their rows; each costs `row_cost` of a step."""
        if self._guess is None:
            return []
        shares = [self._shares[_place(self._agreed_tok + more)] for more in range(min(most_tok, MOST_DRAFT_TOK))]
        num_tok, start, copied = draft_length(shares, row_cost), self._guess, list[int]()
        while len(copied) < num_tok:  # a repetition shorter than the draft goes round
            copied.append(self._ids[start + len(copied)] if start + len(copied) < len(self._ids)
                          else copied[start + len(copied) - len(self._ids)])
        return copied

    def push(self, token: int) -> None:
        """Takes note of the token that was chosen."""
        before, agreed_tok, right = self._guess, self._agreed_tok, False
        if before is not None:
            right, place = token == self._ids[before], _place(agreed_tok)
            self._shares[place] += (right - self._shares[place]) * _MEMORY
        self._ids.append(token)
        self._guess = self._look()
        if before is not None and (right or (agreed_tok and self._guess is None)):
            self._guess, self._agreed_tok = before + 1, agreed_tok + 1 if right else 0
        else:
            self._agreed_tok = self._agreeing()

    def _look(self) -> int | None:
        """Where the last tokens stood before, and from now on that they stand here."""
        end, found = len(self._ids), None
        for length in (length for length in NGRAMS_TOK if length <= end):
            ngram = tuple(self._ids[-length:])
            if found is None:
                found = self._ends.get(ngram)
            self._ends[ngram] = end
        return found

    def _agreeing(self) -> int:
        """How many tokens before the guess are the last ones."""
        if self._guess is None:
            return 0
        most = min(self._guess, _MOST_AGREED_TOK)
        return next((num_tok for num_tok in range(most)
                     if self._ids[self._guess - 1 - num_tok] != self._ids[-1 - num_tok]), most)


def _place(agreed_tok: int) -> int:
    return min(agreed_tok.bit_length(), len(_USUAL_SHARES) - 1)


def draft_length(shares: Sequence[float], row_cost: float) -> int:
    """The draft that makes the most tokens per time; `shares`: how often a next token is right if those before are."""
    best, best_rate, expected, chance = 0, 1.0, 1.0, 1.0
    for num_tok, share in enumerate(shares, 1):
        chance *= share
        expected += chance
        rate = expected / (1 + row_cost * num_tok)
        if rate > best_rate:
            best, best_rate = num_tok, rate
    return best


class RowCost:
    """What one more row costs, as a share of the step without it: measured while steps are made, apart for each number
    of sequences, since the first rows share the reading of the weights and later ones are bound by arithmetic.
    """

    def __init__(self, usual: float = 0.1) -> None:
        self._usual = usual
        self._bare_s: dict[int, float] = {}
        self._cost: dict[int, float] = {}

    def of(self, num_seqs: int) -> float:
        """The cost of a row beside `num_seqs` others."""
        return self._cost.get(num_seqs, self._usual)

    def took(self, num_seqs: int, num_more: int, seconds: float) -> None:
        """Learns from a step of `num_seqs` sequences with `num_more` rows of drafts."""
        if not num_more:
            before_s = self._bare_s.get(num_seqs, seconds)
            # a step that a neighbour disturbed says little: it counts as twice the usual at most
            self._bare_s[num_seqs] = before_s + (min(seconds, 2 * before_s) - before_s) * _MEMORY
        elif num_seqs in self._bare_s:
            cost = (seconds / self._bare_s[num_seqs] - 1) / num_more
            before = self.of(num_seqs)
            self._cost[num_seqs] = before + (min(max(cost, 0.01), 2.0) - before) * _MEMORY
