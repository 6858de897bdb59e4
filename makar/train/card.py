"""The model card: what it learned from, under which licences, what was measured, what it cannot do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from makar.nets import transformer
from makar.train.config import Config


@dataclass(frozen=True)
class Facts:
    """What a card states."""

    config: Config
    architecture: transformer.Config
    num_params: int
    data: Mapping[str, Any]
    step: int
    num_tok: int
    seconds: float
    measures: Mapping[str, Any]
    machine: str


def write_card(facts: Facts) -> str:
    """The card in Markdown; `{sha256}` stands for the hash of the weights."""
    a, data, config = facts.architecture, facts.data, facts.config
    licences = "\n".join(f"| {name} | {count:,} |" for name, count in data["licences"].items())
    measures = "\n".join(f"| {name.replace('_', ' ')} | {_number(value)} |" for name, value in facts.measures.items())
    epochs = facts.num_tok / max(1, data["train_tok"])
    base = data.get("base")
    origin = (f"an adapter of {facts.num_params:,} weights over {base['name']} (sha256 `{base['sha256']}`)" if base else
              f"{facts.num_params:,} weights, trained from nothing")
    return f"""# {config.recipe}, step {facts.step:,}

A causal language model ({a.num_layers} layers of {a.dim} channels, {a.vocab_size:,} tokens, {a.context_tok:,} tokens
of context): {origin}. Made by Makar.

Weights (sha256): `{{sha256}}`

## Data

{data["kind"]} `{data["root"]}`: {data["num_documents"]:,} documents, {data["train_tok"]:,} tokens to learn from and
{data["validation_tok"]:,} held out. {len(data["skipped"]):,} parts could not be read as text and were skipped.

| licence | documents |
|---|---|
{licences}

{_words_on_origin(data)}Where a licence reads "unknown", nobody has looked at it: the weights inherit that doubt.

## Training

{facts.step:,} steps, {facts.num_tok:,} tokens ({epochs:.1f} times through the data), {facts.seconds / 60:.1f} minutes
on {facts.machine}. The resolved configuration is beside this card in `config.json`.

## Measures

| measure | value |
|---|---|
{measures}

Held-out loss is on documents of the same source, so it says how well the source was learned and nothing about others.

## Limits

{_limits(facts)}- It can repeat what it read word for word, including names and errors in its data.
"""


def _words_on_origin(data: Mapping[str, Any]) -> str:
    if "base" not in data:
        return ""
    return f"The base has its own data ({data['base_training_data']}) and its own licence, {data['base_licence']}.\n\n"


def _limits(facts: Facts) -> str:
    if "base" in facts.data:
        return "- Everything the base cannot do it cannot do either; what it was taught before may have suffered.\n"
    return ("- It continues text. It was not taught to answer, to follow instructions, or to be right or safe.\n"
            f"- It knows nothing outside its data, and little of that: it has {facts.num_params / 1e6:,.1f} million "
            "weights.\n")


def _number(value: Any) -> str:
    return f"{value:,.4g}" if isinstance(value, (int, float)) else str(value)
