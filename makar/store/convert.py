"""Converts a GGUF file or a safetensors folder, once, to the native folder that is memory-mapped afterwards."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from makar.kit.errors import BadInput, NotHere
from makar.kit.files import atomic_write, whole_folder
from makar.store import gguf_config, gguf_tokenizer, hub_config, hub_tokenizer, native, pipeline
from makar.store.families import GGUF, HUGGING_FACE, Plan, plan
from makar.store.gguf_file import Entry, GGUFFile
from makar.store.safetensors_folder import SafetensorsFolder, refuse_pickle
from makar.store.tokenizer_file import Vocabulary
from makar.store.weights_file import Rows, write_weights

DTYPES = ("bfloat16", "float32")


@dataclass(frozen=True)
class Reading:
    """A source opened and understood, before anything is written."""

    plan: Plan
    rows: Rows
    vocabulary: Vocabulary
    licence: str


def convert(source: Path, folder: Path, *, origin: Mapping[str, Any] | None = None, dtype: str = "bfloat16") -> None:
    """Writes the native form of `source` at `folder`, which appears whole or not at all.

    Raises: NotHere, BadInput, Damaged, OutOfRoom
    """
    if dtype not in DTYPES:
        raise BadInput(f"dtype '{dtype}' is not one of {', '.join(DTYPES)}")
    if not source.exists():
        raise NotHere(f"there is no file or folder '{source}'")
    if native.find(source) == source:
        native.copy(source, folder, origin)
    elif pipeline.is_pipeline(source):
        pipeline.copy(source, folder, origin, native.FORMAT)
    elif source.is_dir():
        with SafetensorsFolder(source) as opened, whole_folder(folder) as part:
            _fill(part, read_folder(opened), origin, dtype)
    else:
        refuse_pickle(source)
        if source.suffix == ".safetensors":
            raise BadInput(f"'{source}' is only the weights; name the folder that also holds config.json and "
                           "tokenizer.json")
        with GGUFFile(source) as file, whole_folder(folder) as part:
            _fill(part, read_gguf(file), origin, dtype)


def read_gguf(file: GGUFFile) -> Reading:
    """All of a GGUF file but its weights."""
    family, architecture = gguf_config.read_config(file)
    found = _checked(plan(family, architecture, GGUF, file.tensors), file.tensors, file.path)
    vocabulary = gguf_tokenizer.read_vocabulary(file.metadata, family, architecture["vocab_size"])
    return Reading(found, file.rows, vocabulary, str(file.metadata.get("general.license", "")))


def read_folder(folder: SafetensorsFolder) -> Reading:
    """All of a safetensors folder but its weights."""
    family, architecture = hub_config.read_config(folder)
    found = _checked(plan(family, architecture, HUGGING_FACE, folder.tensors), folder.tensors, folder.folder)
    vocabulary = hub_tokenizer.read_vocabulary(folder, architecture["vocab_size"])
    return Reading(found, folder.rows, vocabulary, "")


def _checked(found: Plan, tensors: Mapping[str, Entry], where: Path) -> Plan:
    for target in found.targets:
        if tensors[target.source].shape != target.shape:
            raise BadInput(f"'{where}': tensor '{target.source}' has shape {tensors[target.source].shape}, "
                           f"expected {target.shape}; its configuration describes another model")
    return found


def _fill(part: Path, reading: Reading, origin: Mapping[str, Any] | None, dtype: str) -> None:
    vocabulary = reading.vocabulary
    atomic_write(part / "tokenizer.json", json.dumps(vocabulary.tokenizer, ensure_ascii=False, separators=(",", ":")))
    if vocabulary.chat_template:
        atomic_write(part / "chat_template.jinja", vocabulary.chat_template)
    written = write_weights(part / "weights.safetensors", reading.plan.targets, reading.rows, dtype)
    model = {
        "format": native.FORMAT, "family": reading.plan.family, "architecture": dict(reading.plan.architecture),
        "bos_id": vocabulary.bos_id, "add_bos": vocabulary.add_bos, "eos_ids": list(vocabulary.eos_ids),
        "fim": vocabulary.fim, "dtype": dtype, "weights_sha256": written.sha256, "weights_bytes": written.num_bytes,
        "licence": reading.licence, "notes": list(vocabulary.notes), "origin": dict(origin or {})}
    atomic_write(part / "model.json", json.dumps(model, indent=1, ensure_ascii=False))
