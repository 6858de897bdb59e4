"""Prompts to vectors: all-MiniLM-L6-v2 (int8, ONNX) out of the store, one prompt at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from makar.kit.ahead import Ahead
from makar.kit.errors import BadInput, NotHere
from makar.store.catalogue import MINILM, MINILM_TOKENS
from makar.store.fetch import fetch, here

NUM_STATES = 384


class MiniLM:
    """The text model. Its quantisation measures what it is given together, so prompts never share a batch: the same
    prompt gives the same numbers whatever else is asked.
    """

    def __init__(self, show: bool = True) -> None:
        self._show = show
        # What has to be fetched first waits until a prompt is read: a request may yet be refused.
        self._opened = Ahead(self._open, at_once=here(MINILM) and here(MINILM_TOKENS))
        self._last: tuple[str, NDArray[np.float32]] | None = None

    def states(self, prompt: str) -> NDArray[np.float32]:
        """One vector for every token of the prompt, without the marks at its ends.

        Shapes: -> (tokens, 384)
        Raises: BadInput (an empty prompt), NotHere, NoNetwork, Damaged
        """
        last = self._last
        if last is not None and last[0] == prompt:  # of one picture it is asked what is known of it, and what to draw
            return last[1].copy()
        tokens, session = self._opened.get()
        ids = tokens.encode(prompt).ids
        if len(ids) <= 2:
            raise BadInput("the prompt is empty; say what the picture should show")
        row = np.asarray([ids], np.int64)
        given = {"input_ids": row, "attention_mask": np.ones_like(row), "token_type_ids": np.zeros_like(row)}
        names = {item.name for item in session.get_inputs()}
        found = session.run(None, {name: value for name, value in given.items() if name in names})[0]
        states: NDArray[np.float32] = found[0, 1:-1].astype(np.float32)
        self._last = prompt, states
        return states.copy()

    def _open(self) -> tuple[Any, Any]:
        """What cuts a prompt into tokens, and the net."""
        try:
            import onnxruntime
            from tokenizers import Tokenizer
        except ImportError as error:
            raise NotHere("pictures need onnxruntime and tokenizers; install them with: pip install onnxruntime "
                          "tokenizers") from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # short prompts gain nothing from more, and one thread adds in one order
        session = onnxruntime.InferenceSession(fetch(MINILM, show=self._show), options,
                                               providers=["CPUExecutionProvider"])
        tokens = Tokenizer.from_file(str(fetch(MINILM_TOKENS, show=self._show)))
        tokens.no_padding()
        tokens.no_truncation()
        return tokens, session
