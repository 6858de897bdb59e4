"""Tournament sampling: a draw that leaves a trace for whoever holds the key, and the model's distribution for all else.

Every candidate token has one bit per layer, a keyed pseudo-random function of the two tokens before it and itself. A
draw is a knock-out of 2^30 tokens drawn from the model, in which the token whose bit is set wins; nothing is knocked
out token by token, since the winner's distribution has a closed form. On average over keys it is the model's own.

Source: Dathathri et al. 2024, Scalable watermarking for identifying large language model outputs, Nature 634: two-way
tournaments of m = 30 layers (Methods, algorithm 2), their vectorised form (Supplementary Information), Bernoulli(1/2)
values, repeated-context masking (Methods, algorithm 3). Their context is H = 4 tokens; two let half of the windows
survive where a fifth of the tokens is edited, four a third.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from makar.marks.key import MarkKey


@dataclass(frozen=True)
class Scheme:
    """How texts are marked. The seed picks one of the lanes, which are keyed functions of their own."""

    name: str
    context_tok: int
    num_lanes: int


SCHEME = Scheme("makar-text/2", context_tok=2, num_lanes=4)
EARLIER = (Scheme("makar-text/1", context_tok=4, num_lanes=8),)
"""What marked texts before; they are still found."""
NUM_LAYERS = 30
# Candidates below this share of the mass have no bits: a match leaves them as likely as it finds them on average.
LEAST_FRAC = 1e-4

_WORD_BYTES = 4
_LAYERS = np.arange(NUM_LAYERS, dtype=np.uint32)[:, None]

Reals = NDArray[np.float64]
Bits = NDArray[np.uint32]


class Marker:
    """Marks the draws of one sequence as they are made.

    The lane, one of four keyed functions, follows from the seed: answers to one prompt under neighbouring seeds are as
    independent as they are unmarked.
    """

    def __init__(self, key: MarkKey, seed: int) -> None:
        self._key, self._lane = key.derive(SCHEME.name, 64), seed % SCHEME.num_lanes
        self._context: tuple[int, ...] = ()
        self._met: set[tuple[int, ...]] = set()

    def reweigh(self, ids: NDArray[np.int64] | None, weights: NDArray[np.floating]) -> NDArray[np.floating]:
        """The weights of the marked draw. Unchanged where the context is not two tokens of this sequence, or is one
        that was marked before: then the draw is the model's own.

        ids: the tokens that the weights belong to; None is every token in order
        Shapes: (K,), (K,) -> (K,)
        """
        if len(self._context) < SCHEME.context_tok or self._context in self._met:
            return weights
        self._met.add(self._context)
        if len(weights) == 1:
            return weights
        shares = weights.astype(np.float64)
        shares /= shares.sum()
        head = np.flatnonzero(shares >= LEAST_FRAC)
        tokens = head if ids is None else ids[head]
        bits = words(self._key, messages(self._context, tokens))[:, self._lane]
        return tournament(shares, head, bits)

    def push(self, token: int) -> None:
        """Takes the token that was drawn."""
        self._context = (*self._context, token)[-SCHEME.context_tok:]


def tournament(shares: Reals, head: NDArray[np.integer], bits: Bits) -> Reals:
    """The distribution of the winner of 30 layers of matches of two.

    One layer turns p(x) into p(x) (1 + g(x) - sum of p g), with g the bit of x in that layer. Tokens outside `head`
    have g = 1/2 in every layer, which keeps the expectation over bits at p for them and for the others.

    Shapes: shares (K,) with sum 1, head (h,) places in it, bits (h,) -> (K,)
    Source: Dathathri et al. 2024, Supplementary Information (vectorised two-way tournament sampling)
    """
    g = (bits[None, :] >> _LAYERS & 1).astype(np.float64)
    best = shares[head]
    rest, thinned = max(0.0, 1.0 - float(best.sum())), 1.0
    for layer in g:
        mean = float(best @ layer) + 0.5 * rest * thinned
        best *= layer + (1.0 - mean)
        thinned *= 1.5 - mean
    won = shares * thinned
    won[head] = best
    return won


def messages(context: Sequence[int], tokens: Iterable[int]) -> list[bytes]:
    """What the keyed function reads for each candidate: the context and the candidate, 4 bytes each."""
    before = np.asarray(context, dtype="<u4").tobytes()
    after = np.asarray(tokens, dtype="<u4").tobytes()
    return [before + after[at:at + _WORD_BYTES] for at in range(0, len(after), _WORD_BYTES)]


def words(key: bytes, read: Iterable[bytes]) -> Bits:
    """For each message one word per lane; a layer is a bit of it.

    Shapes: -> (n, 16)
    Source: RFC 7693 (BLAKE2b as a keyed hash)
    """
    digests = b"".join([blake2b(message, key=key, digest_size=64).digest() for message in read])
    return np.frombuffer(digests, dtype="<u4").astype(np.uint32).reshape(-1, 16)


def messages_at(ids: Sequence[int], places: Iterable[int], context_tok: int) -> list[bytes]:
    """The message of the token at each of the places of a text, which have a whole context before them."""
    raw, length = np.asarray(ids, dtype="<u4").tobytes(), _WORD_BYTES * (context_tok + 1)
    ends = [_WORD_BYTES * (place + 1) for place in places]
    return [raw[end - length:end] for end in ends]
