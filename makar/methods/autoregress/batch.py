"""Several sequences continued together; they join and leave at any step."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import islice
from typing import Any

import psutil
import torch
from torch import Tensor

from makar.codecs.bpe import Tokenizer
from makar.kit.errors import BadInput, OutOfRoom
from makar.methods.autoregress.job import Job, Sequence
from makar.methods.autoregress.prefix import CHUNK_TOK, PrefixStore
from makar.methods.autoregress.speculate import MOST_ROWS, Drafter, RowCost
from makar.native.engine import Engine
from makar.nets.transformer import Transformer
from makar.room import Piece

NATIVE_PART_TOK = 4 * CHUNK_TOK
Net = Transformer | Engine
"""The native engine's row results depend on nothing but the row; the Transformer's may on how many rows there are."""
AnyCache = Any
"""The cache that a net makes and takes: a `Cache` of the Transformer's, a `RowCache` of the engine's."""


class Batch:
    """Sequences over one cache. The sequence in slot i is `active[i]`; one that leaves is replaced by the last.

    A prompt is always computed alone, so its keys and values never depend on the company. On the native engine a step
    is one call for all sequences and their drafts, and a request gives the same bytes in any batch. On the Transformer
    that takes the exact mode, in which each step is computed alone as well; otherwise the rows of a step share their
    matrix products, whose rounding depends on how many they are.
    """

    def __init__(self, net: Net, tokenizer: Tokenizer, eos_ids: tuple[int, ...], *, prefixes: PrefixStore,
                 exact: bool = False, speculate: bool = True) -> None:
        self.active: list[Sequence] = []
        self._net, self._tokenizer, self._eos_ids = net, tokenizer, eos_ids
        self.exact, self._prefixes = exact, prefixes
        self._cache: AnyCache = net.new_cache()
        self._drafters: dict[int, Drafter] | None = {} if speculate and isinstance(net, Engine) else None
        self._row_cost = RowCost()

    @torch.inference_mode()
    def add(self, index: int, job: Job) -> Piece:
        """Computes the prompt of a joining sequence; its first token is in the piece.

        Raises: BadInput (an empty prompt, or one longer than the context), OutOfRoom (no memory for its cache)
        """
        context_tok, num_tok = self._net.config.context_tok, len(job.prompt_ids)
        if not 0 < num_tok < context_tok:
            raise BadInput(f"the prompt has {num_tok:,} tokens; this model takes 1 to {context_tok - 1:,}")
        sequence = Sequence(index, job, self._tokenizer, self._eos_ids, context_tok)
        slot = len(self.active)
        reserve(self._cache, slot + 1, min(context_tok, num_tok + job.sampling.max_tok))
        hidden = prefill(self._net, job.prompt_ids, self._cache, slot, self._prefixes)
        if self._drafters is not None:
            self._drafters[index] = Drafter(job.prompt_ids)
        piece = self._take(sequence, self._logits(hidden[-1:])[0])
        self.active.append(sequence)
        if piece.finish is not None:
            self._leave(slot)
        return piece

    @torch.inference_mode()
    def step(self) -> list[Piece]:
        """Advances every active sequence by one token, or several where a draft was right; those that finish leave."""
        if isinstance(self._net, Engine):
            pieces = self._step_rows(self._net)
        else:
            if self.exact:
                logits = [self._advance(slot, slot + 1)[0] for slot in range(len(self.active))]
            else:
                logits = list(self._advance(0, len(self.active)))
            pieces = [self._take(sequence, row) for sequence, row in zip(self.active, logits, strict=True)]
        for slot in reversed(range(len(self.active))):
            if self.active[slot].finish is not None:
                self._leave(slot)
        return pieces

    def _step_rows(self, engine: Engine) -> list[Piece]:
        """One call for the last token of every sequence and what is proposed to follow it."""
        drafts = [self._draft(sequence) for sequence in self.active]
        tokens, slots, positions = list[int](), list[int](), list[int]()
        for slot, (sequence, draft) in enumerate(zip(self.active, drafts, strict=True)):
            tokens += [sequence.last_id, *draft]
            slots += [slot] * (1 + len(draft))
            positions += range(sequence.num_tok - 1, sequence.num_tok + len(draft))
        start_s = time.perf_counter()
        logits = engine.forward_rows(tokens, slots, positions, self._cache, range(len(tokens)))
        self._row_cost.took(len(drafts), len(tokens) - len(drafts), time.perf_counter() - start_s)
        rows = iter(logits[:, : self._tokenizer.vocab_size])
        return [piece for sequence, draft in zip(self.active, drafts, strict=True)
                for piece in self._take_draft(sequence, draft, list(islice(rows, 1 + len(draft))))]

    def _draft(self, sequence: Sequence) -> list[int]:
        if self._drafters is None:
            return []
        num_seqs = len(self.active)
        room_tok = min(self._cache.capacity_tok, self._net.config.context_tok) - sequence.num_tok
        most_tok = min(MOST_ROWS // num_seqs - 1, room_tok)
        return self._drafters[sequence.index].draft(self._row_cost.of(num_seqs), most_tok)

    def _take_draft(self, sequence: Sequence, draft: list[int], rows: list[Tensor]) -> Iterator[Piece]:
        """Samples position after position for as long as the draft is what was sampled."""
        for row, guess in zip(rows, [*draft, None], strict=True):
            yield self._take(sequence, row)
            if sequence.finish is not None or sequence.last_id != guess:
                return

    def _take(self, sequence: Sequence, logits: Tensor) -> Piece:
        piece = sequence.take(logits)
        if self._drafters is not None:
            self._drafters[sequence.index].push(sequence.last_id)
        return piece

    def _advance(self, start: int, end: int) -> Tensor:
        rows = self.active[start:end]
        tokens = torch.tensor([[sequence.last_id] for sequence in rows])
        return self._logits(self._net(tokens, [sequence.num_tok - 1 for sequence in rows], self._cache, start))

    def _logits(self, hidden: Tensor) -> Tensor:
        # the embedding is often padded beyond the last token
        return self._net.logits(hidden)[:, : self._tokenizer.vocab_size]

    def _leave(self, slot: int) -> None:
        if self._drafters is not None:
            del self._drafters[self.active[slot].index]
        last = self.active.pop()
        if slot < len(self.active):
            self.active[slot] = last
            self._cache.move(len(self.active), slot, last.num_tok)


def reserve(cache: AnyCache, num_slots: int, capacity_tok: int) -> None:
    """Takes the memory for the keys and values of that many sequences and tokens, if that much is free.

    Raises: OutOfRoom (with both numbers)
    """
    num_slots, capacity_tok = max(num_slots, cache.num_slots), max(capacity_tok, cache.capacity_tok)
    if (num_slots, capacity_tok) == (cache.num_slots, cache.capacity_tok):
        return
    free_bytes = psutil.virtual_memory().available
    ample = 1 << (num_slots - 1).bit_length()  # growing copies what is stored: where memory abounds, by doubling
    if cache.bytes_of(ample, capacity_tok) < free_bytes // 8:
        num_slots = ample
    needed_bytes = cache.bytes_of(num_slots, capacity_tok)
    if needed_bytes > free_bytes:
        raise OutOfRoom(f"the keys and values of {num_slots} x {capacity_tok:,} tokens take {needed_bytes / 1e9:.2f} "
                        f"GB of memory, and {free_bytes / 1e9:.2f} GB are free; shorten the prompt, lower "
                        "--max-tokens or keep them in half the memory with --cache-bits 8")
    cache.reserve(num_slots, capacity_tok)


def prefill(net: Net, ids: tuple[int, ...], cache: AnyCache, slot: int, prefixes: PrefixStore) -> Tensor:
    """Computes a prompt part by part into `slot`, from the last stored chunk on.

    On the Transformer a part is a chunk, stored or not, so that both give the same bits; the native engine gives the
    same bits however a prompt is cut, and reads its weights less often where the parts are longer than chunks.

    Shapes: -> (rows of the last part, dim)
    """
    start, part_tok = 0, NATIVE_PART_TOK if isinstance(net, Engine) else CHUNK_TOK
    for chunk in prefixes.find(ids):
        cache.write(slot, start, chunk)
        start += prefixes.chunk_tok
    hidden = torch.empty(0)
    while start < len(ids):
        end = min(start + part_tok, len(ids))
        hidden = net(torch.tensor([ids[start:end]]), [start], cache, slot)
        for stop in range(start + prefixes.chunk_tok, end + 1, prefixes.chunk_tok):
            prefixes.keep(ids, stop, cache.read(slot, stop - prefixes.chunk_tok, stop))
        start = end
    return hidden
