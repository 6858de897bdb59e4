"""Tensors in safetensors files of at most 16 MB, so that any part of them can be carried on its own."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from makar.kit.errors import Damaged
from makar.kit.files import atomic_write, sha256_bytes

SHARD_BYTES = 15 << 20  # the header takes a little more


def save_shards(folder: Path, stem: str, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> str:
    """Writes the tensors in pieces `NAME@START`, then the index `STEM.json` with shapes, hashes and the `facts`.
    Returns the hash of all hashes.

    Raises: OutOfRoom
    """
    hashes = []
    for number, shard in enumerate(_shards(tensors)):
        data = save_tensors(shard)
        atomic_write(folder / f"{stem}-{number:05}.safetensors", data)
        hashes.append(sha256_bytes(data))
    shapes = {name: [str(tensor.dtype).removeprefix("torch."), list(tensor.shape)] for name, tensor in tensors.items()}
    atomic_write(folder / f"{stem}.json", json.dumps({"facts": dict(facts), "sha256": hashes, "tensors": shapes},
                                                     indent=1))
    return sha256_bytes("".join(hashes).encode())


def _shards(tensors: Mapping[str, Tensor]) -> Iterator[dict[str, Tensor]]:
    shard: dict[str, Tensor] = {}
    left_bytes = SHARD_BYTES
    for name, tensor in tensors.items():
        flat = tensor.detach().cpu().contiguous().view(-1)
        at = 0
        while at < len(flat) or not at:
            num = min(len(flat) - at, left_bytes // flat.element_size())
            if num > 0 or not len(flat):
                shard[f"{name}@{at}"] = flat[at:at + num].clone()
            at += num
            left_bytes -= num * flat.element_size()
            if at >= len(flat):
                break
            yield shard
            shard, left_bytes = {}, SHARD_BYTES
    if shard:
        yield shard


def load_shards(folder: Path, stem: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors and the facts, every hash compared.

    Raises: Damaged
    """
    try:
        index = json.loads((folder / f"{stem}.json").read_bytes())
        tensors = {name: torch.empty(shape, dtype=getattr(torch, kind)) for name, (kind, shape)
                   in index["tensors"].items()}
        for number, sha256 in enumerate(index["sha256"]):
            path = folder / f"{stem}-{number:05}.safetensors"
            data = path.read_bytes()
            if sha256_bytes(data) != sha256:
                raise Damaged(f"'{path}' was changed; go on from another checkpoint")
            for piece, values in load_tensors(data).items():
                name, _, start = piece.rpartition("@")
                tensors[name].view(-1)[int(start):int(start) + len(values)] = values
        return tensors, dict(index["facts"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, SafetensorError, RuntimeError) as error:
        raise Damaged(f"the {stem} in '{folder}' cannot be read ({error!s:.200}); go on from another "
                      "checkpoint") from error
