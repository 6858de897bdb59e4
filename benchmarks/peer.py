"""Makar's side of the decoding contest, and Hugging Face transformers on the same GGUF file as a peer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch

from makar import store
from makar.methods.autoregress import Job, LanguageModel, Runtime, Sampling
from makar.methods.autoregress.batch import Batch
from makar.methods.autoregress.prefix import PrefixStore

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def read_by_transformers(name: str, dtype: torch.dtype) -> PreTrainedModel:
    """The stored GGUF of that name as transformers reads it: dequantised."""
    from transformers import AutoModelForCausalLM, GgufConfig
    from transformers.utils import logging

    logging.disable_progress_bar()
    path = Path(store.pull(name))
    return AutoModelForCausalLM.from_pretrained(
        path.parent, gguf_file=path.name, dtype=dtype, quantization_config=GgufConfig(dequantize=True)).eval()


class TransformersPeer:
    """Transformers on the stored GGUF of that name."""

    def __init__(self, name: str, dtype: torch.dtype) -> None:
        self._model = read_by_transformers(name, dtype)
        self._model.generation_config.eos_token_id = None  # every trial makes the same number of tokens

    def generate(self, ids: tuple[int, ...], num_seqs: int, num_tok: int) -> float:
        """Greedy tokens of a batch of equal prompts; how many were made."""
        prompts = torch.tensor([ids] * num_seqs)
        with torch.inference_mode():
            made = self._model.generate(prompts, attention_mask=torch.ones_like(prompts), max_new_tokens=num_tok,
                                        min_new_tokens=num_tok, do_sample=False, pad_token_id=0)
        assert made.shape == (num_seqs, len(ids) + num_tok)
        return num_seqs * num_tok

    def prefill(self, ids: tuple[int, ...]) -> float:
        """One prompt and the token after it; how many tokens were read."""
        with torch.inference_mode():
            self._model(torch.tensor([ids]), logits_to_keep=1)
        return len(ids)


def load_ours(name: str, runtime: Runtime | None = None) -> LanguageModel:
    """The same file as Makar stores it."""
    return LanguageModel.open(store.stored(name), runtime)


def batch_of(model: LanguageModel, ids: tuple[int, ...], num_seqs: int, num_tok: int) -> float:
    """Greedy tokens of equal prompts in one batch that no token ends, with all that Makar does to a token."""
    batch = Batch(model.net, model.tokenizer, (), prefixes=PrefixStore(limit_bytes=0), speculate=model.speculate)
    job = Job(ids, Sampling(max_tok=num_tok, temperature=0, repetition_penalty=1.0))
    made = sum(batch.add(number, job).num_tok for number in range(num_seqs))
    while batch.active:
        made += sum(piece.num_tok for piece in batch.step())
    assert made == num_seqs * num_tok
    return made


def read_prompt(model: LanguageModel, ids: tuple[int, ...]) -> float:
    """One prompt, of which nothing is kept, and the token after it; how many tokens were read."""
    batch = Batch(model.net, model.tokenizer, (), prefixes=PrefixStore(limit_bytes=0))
    batch.add(0, Job(ids, Sampling(max_tok=1, temperature=0, repetition_penalty=1.0)))
    return len(ids)
