"""The peer: Hugging Face transformers on the same GGUF file, which it dequantises by itself."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, GgufConfig, PreTrainedModel
from transformers.utils import logging

from makar import store
from makar.methods.autoregress import Job, LanguageModel, Sampling


def load_peer(name: str, dtype: torch.dtype) -> PreTrainedModel:
    """The stored GGUF of that name as transformers reads it."""
    logging.disable_progress_bar()
    path = Path(store.pull(name))
    dense = GgufConfig(dequantize=True)
    model = AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=dtype,
                                                 quantization_config=dense)
    model.generation_config.eos_token_id = None  # every trial makes the same number of tokens
    return model.eval()


def load_ours(name: str) -> LanguageModel:
    """The same file as Makar stores it."""
    return LanguageModel.open(store.stored(name))


def generate_peer(model: PreTrainedModel, ids: tuple[int, ...], num_seqs: int, num_tok: int) -> float:
    """Greedy tokens of a batch of equal prompts; how many were made."""
    prompts = torch.tensor([ids] * num_seqs)
    with torch.inference_mode():
        made = model.generate(prompts, attention_mask=torch.ones_like(prompts), max_new_tokens=num_tok,
                              min_new_tokens=num_tok, do_sample=False, pad_token_id=0)
    assert made.shape == (num_seqs, len(ids) + num_tok)
    return num_seqs * num_tok


def generate_ours(model: LanguageModel, ids: tuple[int, ...], num_seqs: int, num_tok: int) -> float:
    """The same by Makar: one job per sequence, all in one batch."""
    job = Job(ids, Sampling(max_tok=num_tok, temperature=0, repetition_penalty=1.0))
    made = sum(piece.num_tok for piece in model.run([job] * num_seqs))
    assert made == num_seqs * num_tok, "a sequence ended early; choose another prompt"
    return made
