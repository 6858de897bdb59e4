"""A byte-level language model with seeded random weights: it builds at once and says nothing sensible."""

from __future__ import annotations

import hashlib
import json

import torch
from tokenizers import Tokenizer as Engine
from tokenizers import decoders, models, pre_tokenizers

from makar.codecs.bpe import Tokenizer
from makar.codecs.chat import ChatTemplate
from makar.methods.autoregress.language import Card, Fim, LanguageModel
from makar.nets.transformer import Config, Transformer

_CONTROL = ("<|end|>", "<|turn|>", "<|prefix|>", "<|suffix|>", "<|middle|>")
_TEMPLATE = ("{% for m in messages %}<|turn|>{{ m.role }}\n{{ m.content }}<|end|>\n{% endfor %}"
             "{% if add_generation_prompt %}<|turn|>assistant\n{% endif %}")
CONFIG = Config(vocab_size=256 + len(_CONTROL), dim=64, num_layers=2, num_heads=4, num_kv_heads=2, head_dim=16,
                hidden_dim=128, context_tok=2048)


def build() -> LanguageModel:
    """The same model every time; its name is `tiny`."""
    random = torch.Generator().manual_seed(0)
    weights = {name: torch.randn(empty.shape, generator=random) / empty.shape[1] ** 0.5 if empty.dim() == 2
               else torch.ones(empty.shape) for name, empty in Transformer(CONFIG).state_dict().items()}
    weights["embed.weight"] *= 4  # logits far enough apart that greedy decoding does not hang on rounding
    digest = hashlib.sha256(b"".join(weights[name].numpy().tobytes() for name in sorted(weights))).hexdigest()
    tokenizer = _byte_tokenizer()
    control = {name: 256 + number for number, name in enumerate(_CONTROL)}
    fim = Fim(control["<|prefix|>"], control["<|suffix|>"], control["<|middle|>"])
    card = Card("tiny", digest, "none: random weights", None, (control["<|end|>"],), fim)
    return LanguageModel(card, Transformer.of(CONFIG, weights), tokenizer, ChatTemplate(_TEMPLATE, "", "<|end|>"))


def _byte_tokenizer() -> Tokenizer:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    engine = Engine(models.BPE({character: id for id, character in enumerate(alphabet)}, []))
    engine.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    engine.decoder = decoders.ByteLevel()
    engine.add_special_tokens(list(_CONTROL))
    return Tokenizer(json.dumps(json.loads(engine.to_str())))
