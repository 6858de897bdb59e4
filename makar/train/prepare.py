"""The first part of a run: its folder, its tokenizer, its tokens, and what they were made from."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from makar.codecs.bpe import Tokenizer
from makar.kit.config import from_json, replace_at, to_json
from makar.kit.errors import BadInput, Damaged, NotHere
from makar.kit.files import atomic_write, disk_errors
from makar.train.config import Config, resolved
from makar.train.device import pick_device, pick_precision
from makar.train.source import Document, Source
from makar.train.tokens import Example, write_tokens
from makar.train.vocabulary import end_of, train_tokenizer

RUN = "run.json"
TRAIN, VALIDATION = "train", "validation"


@dataclass(frozen=True)
class Prepared:
    """A run's folder once its data is ready. `data` is what is known of it."""

    out: Path
    config: Config
    data: dict[str, Any]
    tokenizer: Tokenizer


def prepare(out: Path, config: Config, source: Source) -> Prepared:
    """Makes the folder of a new run.

    Raises: BadInput (there is a run, or too little data), OutOfRoom
    """
    if (out / RUN).exists():
        raise BadInput(f"there is a run in '{out}' already; go on with it: makar train {config.recipe} --resume "
                       f"-o {out} ; or name another folder with -o")
    device = pick_device(config.device)
    precision = pick_precision(config.precision, device)
    config = resolved(replace_at(replace_at(config, "device", device.type), "precision", precision))
    with disk_errors(out):
        shutil.rmtree(out / "data", ignore_errors=True)
        (out / "data").mkdir(parents=True)
    tokenizer, spelled = train_tokenizer((document.text for document in source.read()
                                          if not document.held_out(config.data.validation_frac)),
                                         config.data.vocab_size)
    atomic_write(out / "tokenizer.json", spelled)
    data = _tokenise(out, config, source, tokenizer)
    atomic_write(out / RUN, json.dumps({"config": to_json(config), "data": data}, indent=1))
    return Prepared(out, config, data, tokenizer)


def _tokenise(out: Path, config: Config, source: Source, tokenizer: Tokenizer) -> dict[str, Any]:
    licences: Counter[str] = Counter()
    sizes: Counter[str] = Counter()

    def examples(validation: bool) -> Iterator[Example]:
        for document in source.read():
            if document.held_out(config.data.validation_frac) is validation:
                licences[document.licence] += 1
                sizes[VALIDATION if validation else TRAIN] += len(document.text.encode(errors="replace"))
                yield example_of(document, tokenizer)

    whole_tok = config.data.context_tok if config.data.whole else 0
    num = {name: write_tokens(out / "data", name, examples(name == VALIDATION), end_of(tokenizer), whole_tok=whole_tok)
           for name in (TRAIN, VALIDATION)}
    return {"kind": source.kind, "where": source.where, "root": source.root, "licences": dict(sorted(licences.items())),
            "num_documents": licences.total(), "skipped": list(source.skipped), "train_tok": num[TRAIN],
            "validation_tok": num[VALIDATION], "validation_bytes": sizes[VALIDATION]}


def example_of(document: Document, tokenizer: Tokenizer) -> Example:
    """A document in tokens, every one to be learned."""
    return Example(tokenizer.encode(document.text.encode(errors="replace").decode()))


def reopen(out: Path) -> Prepared:
    """A run that was prepared before.

    Raises: NotHere, Damaged
    """
    try:
        found = json.loads((out / RUN).read_bytes())
        config, data = from_json(Config, found["config"]), dict(found["data"])
    except FileNotFoundError:
        raise NotHere(f"there is no run in '{out}'; begin it without --resume") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Damaged(f"'{out / RUN}' cannot be read ({error}); begin the run again in another folder") from error
    return Prepared(out, config, data, Tokenizer.open(out))


def licence_of(data: dict[str, Any]) -> str:
    """The licences of the data as one expression; unknown where any of it is."""
    names = list(data["licences"])
    return "unknown" if "unknown" in names or not names else " AND ".join(names)


def describe(data: dict[str, Any]) -> str:
    """One line for the records of what the weights make."""
    licences = ", ".join(f"{name} {count:,}" for name, count in data["licences"].items())
    return f"{data['kind']} {data['root']} ({data['num_documents']:,} documents; licences: {licences})"
