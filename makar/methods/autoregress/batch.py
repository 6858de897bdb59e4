"""Several sequences continued together; they join and leave at any step."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from makar.codecs.bpe import Tokenizer
from makar.kit.errors import BadInput
from makar.methods.autoregress.job import Job, Sequence
from makar.methods.autoregress.prefix import CHUNK_TOK, PrefixStore
from makar.nets.cache import Cache
from makar.nets.transformer import Transformer
from makar.room import Piece


class Batch:
    """Sequences over one cache. The sequence in slot i is `active[i]`; one that leaves is replaced by the last.

    A prompt is always computed alone and in the same chunks, so its keys and values never depend on the company. In
    exact mode each step is computed alone as well: a request then gives the same bytes in any batch. Otherwise the
    rows of a step share their matrix products, whose rounding depends on how many they are.
    """

    def __init__(self, net: Transformer, tokenizer: Tokenizer, eos_ids: tuple[int, ...], *, prefixes: PrefixStore,
                 exact: bool = False) -> None:
        self.active: list[Sequence] = []
        self._net, self._tokenizer, self._eos_ids = net, tokenizer, eos_ids
        self.exact, self._prefixes = exact, prefixes
        self._cache = net.new_cache()

    @torch.inference_mode()
    def add(self, index: int, job: Job) -> Piece:
        """Computes the prompt of a joining sequence; its first token is in the piece.

        Raises: BadInput (an empty prompt, or one longer than the context)
        """
        context_tok, num_tok = self._net.config.context_tok, len(job.prompt_ids)
        if not 0 < num_tok < context_tok:
            raise BadInput(f"the prompt has {num_tok:,} tokens; this model takes 1 to {context_tok - 1:,}")
        sequence = Sequence(index, job, self._tokenizer, self._eos_ids, context_tok)
        slot = len(self.active)
        self._cache.reserve(slot + 1, min(context_tok, num_tok + job.sampling.max_tok))
        hidden = prefill(self._net, job.prompt_ids, self._cache, slot, self._prefixes)
        piece = sequence.take(self._logits(hidden[-1:])[0])
        if piece.finish is None:
            self.active.append(sequence)
        return piece

    @torch.inference_mode()
    def step(self) -> list[Piece]:
        """Advances every active sequence by one token; those that finish leave."""
        if self.exact:
            logits = [self._advance(slot, slot + 1)[0] for slot in range(len(self.active))]
        else:
            logits = list(self._advance(0, len(self.active)))
        pieces = [sequence.take(row) for sequence, row in zip(self.active, logits, strict=True)]
        for slot in reversed(range(len(self.active))):
            if self.active[slot].finish is not None:
                self._leave(slot)
        return pieces

    def _advance(self, start: int, end: int) -> Tensor:
        rows = self.active[start:end]
        tokens = torch.tensor([[sequence.last_id] for sequence in rows])
        return self._logits(self._net(tokens, [sequence.num_tok - 1 for sequence in rows], self._cache, start))

    def _logits(self, hidden: Tensor) -> Tensor:
        # the embedding is often padded beyond the last token
        return self._net.logits(hidden)[:, : self._tokenizer.vocab_size]

    def _leave(self, slot: int) -> None:
        last = self.active.pop()
        if slot < len(self.active):
            self.active[slot] = last
            self._cache.move(len(self.active), slot, last.num_tok)


def prefill(net: Transformer, ids: tuple[int, ...], cache: Cache, slot: int, prefixes: PrefixStore,
            on_hidden: Callable[[int, Tensor], None] | None = None) -> Tensor:
    """Computes a prompt chunk by chunk into `slot`, from the last stored chunk on. `on_hidden` is shown each chunk.

    Shapes: -> (rows of the last chunk, dim)
    """
    start = 0
    if on_hidden is None:
        for chunk in prefixes.find(ids):
            cache.write(slot, start, chunk)
            start += CHUNK_TOK
    hidden = torch.empty(0)
    while start < len(ids):
        end = min(start + CHUNK_TOK, len(ids))
        hidden = net(torch.tensor([ids[start:end]]), [start], cache, slot)
        if on_hidden is not None:
            on_hidden(start, hidden)
        elif end - start == CHUNK_TOK:
            prefixes.keep(ids, end, cache.read(slot, start, end))
        start = end
    return hidden
