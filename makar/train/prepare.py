"""The first part of a run: its folder, its tokenizer, its tokens, and what they were made from."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from makar import store
from makar.codecs.bpe import Tokenizer
from makar.codecs.chat import Message
from makar.kit.config import replace_at
from makar.kit.errors import BadInput
from makar.kit.files import atomic_write, disk_errors, read_text
from makar.methods.autoregress.language import LanguageModel
from makar.store.fetch import say
from makar.train.begun import begin, begun, expect_none
from makar.train.config import Config, resolved, work_flops
from makar.train.conversations import encode_conversation, encode_text
from makar.train.device import pick_compile, pick_device, pick_precision
from makar.train.source import Document, Source
from makar.train.tokens import Example, padded, write_tokens
from makar.train.vocabulary import end_of, train_tokenizer

PAIR = '{"prompt", "chosen", "rejected"}'
Encode = Callable[[Document], Sequence[Example]]
TRAIN, VALIDATION = "train", "validation"


@dataclass(frozen=True)
class Prepared:
    """A run's folder once its data is ready. `data` is what is known of it."""

    out: Path
    config: Config
    data: dict[str, Any]
    tokenizer: Tokenizer


def prepare(out: Path, config: Config, source: Source, minutes: float | None = None) -> Prepared:
    """Makes the folder of a new run, which is to end after so many minutes.

    Raises: BadInput (there is a run, or too little data), OutOfRoom
    """
    expect_none(out, config.recipe)
    device = pick_device(config.device)
    precision = pick_precision(config.precision, device)
    config = resolved(replace_at(replace_at(config, "device", device.type), "precision", precision))
    with disk_errors(out):
        shutil.rmtree(out / "data", ignore_errors=True)
        (out / "data").mkdir(parents=True)
    config = replace_at(config, "compile", pick_compile(config.compile, device, work_flops(config), minutes))
    tokenizer, encode, facts = _own_words(out, config, source) if not config.adapt.base else _known_words(out, config)
    data = _tokenise(out, config, source, Words(encode, facts["end_id"])) | facts
    begin(out, config, data)
    return Prepared(out, config, data, tokenizer)


def _own_words(out: Path, config: Config, source: Source) -> tuple[Tokenizer, Encode, dict[str, Any]]:
    say(f"learning a tokenizer of {config.data.vocab_size:,} entries from {source.place}")
    learned = (document.text for document in source.read() if not document.held_out(config.data.validation_frac))
    tokenizer, spelled = train_tokenizer(learned, config.data.vocab_size)
    atomic_write(out / "tokenizer.json", spelled)

    def encode(document: Document) -> Sequence[Example]:
        return [Example(tokenizer.encode(document.text.encode(errors="replace").decode()))]

    return tokenizer, encode, {"end_id": end_of(tokenizer)}


def _known_words(out: Path, config: Config) -> tuple[Tokenizer, Encode, dict[str, Any]]:
    """The tokenizer and the chat form of the model that is adapted. Raises: UnknownName, BadInput"""
    stored = store.stored(config.adapt.base)
    model = LanguageModel.open(stored)
    if config.data.context_tok > model.context_tok:
        raise BadInput(f"setting data.context_tok: '{stored.name}' takes {model.context_tok:,} tokens at most, got "
                       f"{config.data.context_tok:,}")
    facts: dict[str, Any] = json.loads(read_text(stored.folder / "model.json"))
    if facts.get("base"):
        raise BadInput(f"'{stored.name}' is an adapter itself; adapt its base, {facts['base']['name']}")
    atomic_write(out / "tokenizer.json", read_text(stored.folder / "tokenizer.json", limit_bytes=100_000_000))

    def encode(document: Document) -> Sequence[Example]:
        if config.prefer.beta:
            return _pair(model, document, config.data.context_tok)
        if document.messages:
            return [encode_conversation(model, document.messages)]
        return [encode_text(model, document.text)]

    return model.tokenizer, encode, {
        "end_id": model.card.eos_ids[0], "base": {"name": stored.name, "sha256": stored.sha256},
        "base_licence": stored.licence, "base_training_data": stored.training_data}


def _pair(model: LanguageModel, document: Document, row_tok: int) -> Sequence[Example]:
    """The chosen and the rejected answer, a row each; none where one is longer than a row."""
    if not document.rejected or not document.messages:
        raise BadInput(f"{document.id}: expected a pair of the form {PAIR}")
    answers = (document.messages, (*document.messages[:-1], Message("assistant", document.rejected)))
    found = [encode_conversation(model, messages) for messages in answers]
    if any(len(example.ids) >= row_tok for example in found):
        return []
    return [padded(example, row_tok, model.card.eos_ids[0]) for example in found]


@dataclass(frozen=True)
class Words:
    """How a document becomes tokens, and the token between documents."""

    encode: Encode
    end_id: int


def _tokenise(out: Path, config: Config, source: Source, words: Words) -> dict[str, Any]:
    licences: Counter[str] = Counter()
    sizes: Counter[str] = Counter()

    def examples(validation: bool) -> Iterator[Example]:
        for document in source.read():
            if document.held_out(config.data.validation_frac) is validation:
                licences[document.licence] += 1
                sizes[VALIDATION if validation else TRAIN] += len(document.text.encode(errors="replace"))
                found = words.encode(document)
                sizes["pairs"] += len(found) == 2
                yield from found

    if not any(document.text.strip() for document in source.read()):
        raise BadInput(f"nothing to learn from in {source.place}: it holds no text")
    say("turning the documents into tokens, once")
    whole_tok = config.data.context_tok if config.data.whole else 0
    num = {name: write_tokens(out / "data", name, examples(name == VALIDATION), words.end_id, whole_tok=whole_tok)
           for name in (TRAIN, VALIDATION)}
    return {"kind": source.kind, "where": source.where, "root": source.root, "licences": dict(sorted(licences.items())),
            "num_documents": licences.total(), "train_tok": num[TRAIN],
            "skipped": [f"{name}: {why}" for name, why in sorted(source.skipped.items())],
            "validation_tok": num[VALIDATION], "validation_bytes": sizes[VALIDATION],
            "num_pairs": sizes["pairs"]}


def reopen(out: Path) -> Prepared:
    """A run that was prepared before.

    Raises: NotHere, Damaged
    """
    config, data = begun(out, Config)
    return Prepared(out, config, data, Tokenizer.open(out))


def licence_of(data: dict[str, Any]) -> str:
    """The licences of the data as one expression; unknown where any of it is."""
    names = sorted({*data["licences"], *([data["base_licence"]] if "base" in data else [])})
    return "unknown" if "unknown" in names or not names else " AND ".join(names)


def describe(data: dict[str, Any]) -> str:
    """One line for the records of what the weights make."""
    licences = ", ".join(f"{name} {count:,}" for name, count in data["licences"].items())
    own = f"{data['kind']} {data['root']} ({data['num_documents']:,} documents; licences: {licences})"
    return f"{own}, over {data['base']['name']}: {data['base_training_data']}" if "base" in data else own
