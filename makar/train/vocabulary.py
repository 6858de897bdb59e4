"""A byte-level BPE tokenizer, trained on the documents it is for."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from tokenizers import AddedToken, decoders, models, pre_tokenizers, trainers
from tokenizers import Tokenizer as Engine

from makar.codecs.bpe import Tokenizer
from makar.methods.autoregress.language import Fim

END = "<|endoftext|>"
FIM = ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>")
MOST_CHARS = 50_000_000
"""A tokenizer is trained on so much text at most: more changes little and takes memory."""


def train_tokenizer(texts: Iterable[str], vocab_size: int) -> tuple[Tokenizer, str]:
    """The tokenizer and the text of its `tokenizer.json`. The same texts give the same tokenizer.

    Source: Sennrich et al. 2016, arXiv:1508.07909, algorithm 1; over bytes as in GPT-2
    """
    engine = Engine(models.BPE())
    engine.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    engine.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size, show_progress=False, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        special_tokens=[AddedToken(name, special=True, normalized=False) for name in (END, *FIM)])
    engine.train_from_iterator(_limited(texts), trainer)
    source = json.dumps(json.loads(engine.to_str()), ensure_ascii=False, separators=(",", ":"))
    return Tokenizer(source), source


def _limited(texts: Iterable[str]) -> Iterator[str]:
    total_chars = 0
    for text in texts:
        if total_chars > MOST_CHARS:
            return
        total_chars += len(text)
        yield text


def fim_of(tokenizer: Tokenizer) -> Fim | None:
    """The control tokens around a gap, where the tokenizer has them."""
    ids = [tokenizer.id_of(name) for name in FIM]
    if None in ids:
        return None
    prefix, suffix, middle = (int(id) for id in ids if id is not None)
    return Fim(prefix, suffix, middle, (prefix, suffix, middle))


def end_of(tokenizer: Tokenizer) -> int:
    """The token between documents."""
    found = tokenizer.id_of(END)
    assert found is not None
    return found
