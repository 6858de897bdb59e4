"""Tensors to safetensors files of at most 16 MB and back. `makar.store.shards` reads them without PyTorch."""

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

from makar.kit.files import atomic_write, sha256_bytes
from makar.store.shards import SCALE, read_files, read_index, unreadable

LEAST_NUM = 1 << 14
"""Matrices with fewer numbers are not worth a scale for each row."""
SHARD_BYTES = 15 << 20  # the header takes a little more


def quantised(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Large matrices as int8 with a scale for each row, the largest of a row being 127; all else as bf16."""
    found: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        if tensor.dim() == 2 and tensor.numel() >= LEAST_NUM:
            scale = tensor.abs().amax(1, keepdim=True).float().clamp(min=1e-12) / 127
            found |= {name: (tensor / scale).round().to(torch.int8), name + SCALE: scale}
        else:
            found[name] = tensor.to(torch.bfloat16)
    return found


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
    """The tensors as they were saved, but for those with a scale, which are given as fp32; and the facts.

    Raises: Damaged
    """
    try:
        index = read_index(folder, stem)
        tensors = {name: torch.empty(shape, dtype=getattr(torch, kind)) for name, (kind, shape)
                   in index["tensors"].items()}
        for data in read_files(folder, stem, index["sha256"]):
            for piece, values in load_tensors(data).items():
                name, _, start = piece.rpartition("@")
                tensors[name].view(-1)[int(start):int(start) + len(values)] = values
        for name in [name for name in tensors if name.endswith(SCALE)]:
            tensors[name.removesuffix(SCALE)] = tensors[name.removesuffix(SCALE)] * tensors.pop(name)
        return tensors, dict(index["facts"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, SafetensorError, RuntimeError) as error:
        raise unreadable(folder, stem, error) from error
