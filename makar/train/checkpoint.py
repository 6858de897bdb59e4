"""A Checkpoint: a folder that the store serves as it is, with all a run needs to go on and a card for people.

    model.json weights.safetensors tokenizer.json     the store's native form (of an adapter: with the name of its base)
    config.json card.md                               the resolved configuration; what it is
    state.json state-*.safetensors                    weights in fp32, optimiser, average, position
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor

from makar.kit.config import canonical, to_json
from makar.kit.errors import NotHere
from makar.kit.files import atomic_write, sha256_bytes, whole_folder
from makar.ledger import open_ledger
from makar.nets import transformer
from makar.train.config import Config
from makar.train.state import save_state

FORMAT = 1
FOLDER = "checkpoints"


@dataclass(frozen=True)
class Checkpoint:
    """What a run had come to. `parent` is the sha256 of the weights it went on from, empty for the first."""

    folder: Path
    step: int
    sha256: str
    corpus_root: str
    parent: str


@dataclass(frozen=True)
class Written:
    """Everything that goes into a checkpoint's folder.

    weights: those to serve; state: tensors to go on from; facts: numbers to go on from
    """

    config: Config
    architecture: transformer.Config
    weights: Mapping[str, Tensor]
    state: Mapping[str, Tensor]
    facts: Mapping[str, Any]
    tokenizer: str
    card: str
    corpus_root: str
    training_data: str
    licence: str
    parent: str = ""
    end_id: int = 0
    fim: Mapping[str, Any] | None = None
    base: Mapping[str, Any] | None = None
    base_folder: Path | None = None
    measures: Mapping[str, Any] = field(default_factory=dict)


def write_checkpoint(out: Path, step: int, what: Written) -> Checkpoint:
    """Writes `out/checkpoints/step-N`, which appears whole or not at all, stamps it, then drops older ones.

    Raises: OutOfRoom (what was there stays)
    """
    final = step_folder(out, step)
    with whole_folder(final) as part:
        sha256 = _fill(part, step, what)
    stamp(final, what.config, {"sha256": sha256, "corpus_root": what.corpus_root, "parent": what.parent, "step": step,
                               "training_data": what.training_data, "licence": what.licence, **what.measures})
    drop_older(out)
    return Checkpoint(final, step, sha256, what.corpus_root, what.parent)


def step_folder(out: Path, step: int) -> Path:
    """Where the checkpoint of that step stands in a run's folder."""
    return out / FOLDER / f"step-{step:08}"


def drop_older(out: Path) -> None:
    """Leaves the newest checkpoint of a run alone."""
    for older in checkpoints(out)[:-1]:
        shutil.rmtree(older, ignore_errors=True)


def _fill(part: Path, step: int, what: Written) -> str:
    kept = {name: weight.detach().cpu().to(torch.float32 if name.endswith("norm.weight") else torch.bfloat16)
            .contiguous() for name, weight in what.weights.items()}
    data = save(kept, metadata={"format": "pt"})
    sha256 = sha256_bytes(data)
    atomic_write(part / "weights.safetensors", data)
    atomic_write(part / "tokenizer.json", what.tokenizer)
    config = json.dumps(to_json(what.config), indent=1)
    atomic_write(part / "config.json", config)
    atomic_write(part / "card.md", what.card.replace("{sha256}", sha256))
    model = (_shared_form(what.base_folder, part) if what.base_folder is not None else _own_form(what)) | {
        "dtype": "bfloat16", "weights_sha256": sha256, "weights_bytes": len(data), "licence": what.licence,
        "training_data": what.training_data, "base": what.base,
        "trained": {"recipe": what.config.recipe, "step": step, "corpus_root": what.corpus_root,
                    "parent": what.parent, "config_sha256": config_sha256(what.config), **what.measures}}
    atomic_write(part / "model.json", json.dumps(model, indent=1, ensure_ascii=False))
    save_state(part, what.state, {**what.facts, "step": step, "sha256": sha256})
    return sha256


def _own_form(what: Written) -> dict[str, Any]:
    return {"format": FORMAT, "family": "qwen3" if what.architecture.qk_norm else "llama",
            "architecture": to_json(what.architecture), "bos_id": what.end_id, "add_bos": True,
            "eos_ids": [what.end_id], "fim": what.fim, "notes": []}


def _shared_form(folder: Path, part: Path) -> dict[str, Any]:
    """What an adapter shares with its base: architecture, control tokens, chat form."""
    if (folder / "chat_template.jinja").is_file():
        shutil.copyfile(folder / "chat_template.jinja", part / "chat_template.jinja")
    facts: dict[str, Any] = json.loads((folder / "model.json").read_bytes())
    return {key: value for key, value in facts.items() if key != "origin"}


def config_sha256(config: Config) -> str:
    """The hash of a configuration in canonical JSON."""
    return sha256_bytes(canonical(config).encode())


def stamp(folder: Path, config: Any, facts: Mapping[str, Any]) -> None:
    """Notes a checkpoint in the ledger, with the run's settings beside it."""
    settings = canonical(config).encode()
    with open_ledger() as ledger:
        ledger.append("checkpoint", {**facts, "recipe": config.recipe, "folder": str(folder.absolute()),
                                     "config": sha256_bytes(settings)}, [settings])


def checkpoints(out: Path) -> list[Path]:
    """The whole checkpoints of a run, oldest first; what a killed process left half made is not among them."""
    folder = out / FOLDER
    return sorted(path for path in folder.glob("step-*") if (path / "state.json").is_file()) if folder.is_dir() else []


def newest(out: Path) -> Path:
    """The last checkpoint of a run.

    Raises: NotHere
    """
    found = checkpoints(out)
    if not found:
        raise NotHere(f"there is no checkpoint in '{out}'; begin the run without --resume")
    for left in (out / FOLDER).glob(".*.part"):
        shutil.rmtree(left, ignore_errors=True)
    return found[-1]
