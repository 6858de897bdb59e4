"""The peer for decoding on CPUs: llama.cpp through the C interface of llama-cpp-python, greedy, its own steps alone."""

from __future__ import annotations

import ctypes
from pathlib import Path

import llama_cpp as llama
import numpy as np

QUANTS = {"Q4_0": llama.LLAMA_FTYPE_MOSTLY_Q4_0, "Q8_0": llama.LLAMA_FTYPE_MOSTLY_Q8_0}
_quiet = llama.llama_log_callback(lambda level, text, data: None)
MOST_SEQS = 8


class LlamaPeer:
    """One GGUF file on `num_threads` threads, with room for eight sequences."""

    def __init__(self, path: Path, num_threads: int, context_tok: int = 1024) -> None:
        llama.llama_log_set(_quiet, ctypes.c_void_p(0))
        llama.llama_backend_init()
        self._model = llama.llama_model_load_from_file(str(path).encode(), llama.llama_model_default_params())
        params = llama.llama_context_default_params()
        params.n_ctx, params.n_seq_max, params.n_batch, params.n_ubatch = context_tok * MOST_SEQS, MOST_SEQS, 512, 512
        params.n_threads = params.n_threads_batch = num_threads
        self._context = llama.llama_init_from_model(self._model, params)
        self._vocab = llama.llama_vocab_n_tokens(llama.llama_model_get_vocab(self._model))
        self._batch = llama.llama_batch_init(512, 0, MOST_SEQS)

    def generate(self, ids: tuple[int, ...], num_seqs: int, num_tok: int) -> float:
        """Greedy tokens of several sequences with one prompt, which is computed for each; how many were made."""
        llama.llama_memory_clear(llama.llama_get_memory(self._context), True)
        last = [self._decode(list(ids), [seq] * len(ids), list(range(len(ids))), [len(ids) - 1])[0]
                for seq in range(num_seqs)]
        for position in range(len(ids), len(ids) + num_tok - 1):
            last = self._decode(last, list(range(num_seqs)), [position] * num_seqs, list(range(num_seqs)))
        return num_seqs * num_tok

    def prefill(self, ids: tuple[int, ...]) -> float:
        """One prompt of at most 512 tokens and the token after it; how many tokens were read."""
        llama.llama_memory_clear(llama.llama_get_memory(self._context), True)
        self._decode(list(ids), [0] * len(ids), list(range(len(ids))), [len(ids) - 1])
        return len(ids)

    def _decode(self, tokens: list[int], seqs: list[int], positions: list[int], wanted: list[int]) -> list[int]:
        batch = self._batch
        batch.n_tokens = len(tokens)
        for row, (token, seq, position) in enumerate(zip(tokens, seqs, positions, strict=True)):
            batch.token[row], batch.pos[row], batch.n_seq_id[row] = token, position, 1
            batch.seq_id[row][0], batch.logits[row] = seq, row in wanted
        assert llama.llama_decode(self._context, batch) == 0
        return [int(np.ctypeslib.as_array(llama.llama_get_logits_ith(self._context, row), (self._vocab,)).argmax())
                for row in wanted]


def requantised(path: Path, quant: str, folder: Path) -> Path:
    """The same model at another of llama.cpp's own quantisations."""
    target = folder / f"{path.stem}-{quant}.gguf"
    params = llama.llama_model_quantize_default_params()
    params.ftype, params.allow_requantize, params.nthread = QUANTS[quant], True, 2
    llama.llama_log_set(_quiet, ctypes.c_void_p(0))
    assert llama.llama_model_quantize(str(path).encode(), str(target).encode(), params) == 0
    return target
