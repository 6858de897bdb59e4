"""Prompt-lookup speculation: what followed the same words before is proposed, and one step checks all of it.

A proposal is only ever a guess at what the sampler will choose. Every position is sampled from the model's own logits
by the sequence's own chooser and grammar, and the first token that differs ends the step; so the text is the same with
or without, at any temperature. What changes is how many rows a step computes, and that must pay: a draft is as long as
the share of right guesses and the measured cost of a row suggest, and nothing where they suggest that.

Source: Saxena 2023, prompt lookup decoding; Leviathan et al. 2022, arXiv:2211.17192, eq. 1 (expected tokens per step)
"""

from __future__ import annotations

from collections.abc import Sequence

NGRAM_TOK = 3
MOST_DRAFT_TOK = 15
MOST_ROWS = 16
_MEMORY = 1 / 12  # weight of the newest observation in a running mean


class Drafter:
    """The proposals for one sequence and how often their tokens turned out right.

    Guesses that were proposed but not computed are judged as well, so that a sequence that starts to repeat itself is
    noticed without computing anything for it.
    """

    def __init__(self, prompt_ids: Sequence[int]) -> None:
        self.right_frac = 0.3
        self._ids = list(prompt_ids)
        self._ends: dict[tuple[int, ...], int] = {}
        for end in range(NGRAM_TOK, len(self._ids)):
            self._ends[tuple(self._ids[end - NGRAM_TOK:end])] = end
        self._guess: int | None = None
        self._look()

    def draft(self, row_cost: float, most_tok: int) -> list[int]:
        """What may follow, as many tokens as are worth their rows; each costs `row_cost` of a step."""
        num_tok = draft_length(self.right_frac, row_cost, min(most_tok, MOST_DRAFT_TOK))
        if self._guess is None or num_tok == 0:
            return []
        start, copied = self._guess, list[int]()
        while len(copied) < num_tok:  # a repetition shorter than the draft goes round
            copied.append(self._ids[start + len(copied)] if start + len(copied) < len(self._ids)
                          else copied[start + len(copied) - len(self._ids)])
        return copied

    def push(self, token: int) -> None:
        """Takes note of the token that was chosen."""
        if self._guess is not None:
            self.right_frac += ((token == self._ids[self._guess]) - self.right_frac) * _MEMORY
        self._ids.append(token)
        self._look()

    def _look(self) -> None:
        """Where the last tokens stood before, and from now on that they stand here."""
        end = len(self._ids)
        ngram = tuple(self._ids[end - NGRAM_TOK:])
        self._guess = self._ends.get(ngram)
        if len(ngram) == NGRAM_TOK:
            self._ends[ngram] = end


def draft_length(right_frac: float, row_cost: float, most_tok: int) -> int:
    """The draft that makes the most tokens per time: of k tokens the first j are right with probability right^j."""
    best, best_rate, expected, chance = 0, 1.0, 1.0, 1.0
    for num_tok in range(1, most_tok + 1):
        chance *= right_frac
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
