"""Keys and values of prompt beginnings, kept so that the next prompt that begins alike need not compute them."""

from __future__ import annotations

import hashlib
from array import array
from collections import OrderedDict
from collections.abc import Iterator, Sequence

from torch import Tensor

CHUNK_TOK = 128
"""The Transformer computes prompts in such chunks, stored or not, so that both give the same bits."""
NATIVE_CHUNK_TOK = 32
"""What the native engine stores; its bits are the same however a prompt is cut."""


class PrefixStore:
    """Chunks of keys and values by the tokens up to their end; the least recently used leave first."""

    def __init__(self, limit_bytes: int = 256 << 20, chunk_tok: int = CHUNK_TOK) -> None:
        self.chunk_tok, self._limit_bytes = chunk_tok, limit_bytes
        self._bytes = 0
        self._chunks: OrderedDict[bytes, Tensor] = OrderedDict()

    def find(self, ids: Sequence[int]) -> list[Tensor]:
        """The stored chunks `ids` begins with. The last token is never among them: its logits are needed."""
        found = []
        for name in _names(ids, self.chunk_tok):
            if name not in self._chunks:
                break
            self._chunks.move_to_end(name)
            found.append(self._chunks[name])
        return found

    def keep(self, ids: Sequence[int], end: int, chunk: Tensor) -> None:
        """Stores the chunk that ends at token `end` (a multiple of chunk_tok) of `ids`."""
        name = list(_names([*ids[:end], 0], self.chunk_tok))[-1]
        if name in self._chunks or chunk.nbytes > self._limit_bytes:
            return
        self._chunks[name] = chunk
        self._bytes += chunk.nbytes
        while self._bytes > self._limit_bytes:
            self._bytes -= self._chunks.popitem(last=False)[1].nbytes


def _names(ids: Sequence[int], chunk_tok: int) -> Iterator[bytes]:
    digest = hashlib.sha256()
    for start in range(0, (len(ids) - 1) // chunk_tok * chunk_tok, chunk_tok):
        digest.update(array("q", ids[start:start + chunk_tok]).tobytes())
        yield digest.digest()
