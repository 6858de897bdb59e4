"""All that a run needs to go on: its tensors in shards, and the facts beside them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from makar.nets.shards import load_shards, save_shards

STEM = "state"
INDEX = f"{STEM}.json"


def save_state(folder: Path, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
    """Raises: OutOfRoom"""
    save_shards(folder, STEM, tensors, facts)


def load_state(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors and the facts, every hash compared. Raises: Damaged"""
    return load_shards(folder, STEM)
