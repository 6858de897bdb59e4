"""A model's packed weights as one file beside its stored ones: made once, then memory-mapped.

The file is derived: whatever happens to it, it is made again. It is a safetensors file; its metadata names the form, the
weights it was made from and the precision, and each matrix has the shape that `pack.packed_shape` gives it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from makar.kit.errors import Damaged, MakarError
from makar.kit.files import atomic_writer, sha256_file
from makar.kit.progress import Progress
from makar.native.pack import PANEL, Packed, block_bytes, pack, pack_blocks, packed_shape
from makar.nets.transformer import Config, Transformer
from makar.store import StoredModel, layout, proof
from makar.store.convert import read_gguf
from makar.store.families import Target
from makar.store.fetch import expect_room, say
from makar.store.gguf_blocks import GROUP, bits_of, read_blocks
from makar.store.gguf_file import GGUFFile
from makar.store.lock import held
from makar.store.stored_model import read_model

FORM = 1
PRECISIONS = ("file", "8bit", "4bit")
"""`file` keeps what the source says: its 4-bit tensors at 4 bits, all others at 8."""

_SLAB_ROWS = 4096
Weights = Mapping[str, Packed | Tensor]


@dataclass(frozen=True)
class Source:
    """One tensor to be packed. A matrix comes in slabs of whole panels, a vector (bits 0) as it is."""

    name: str
    shape: tuple[int, ...]
    bits: int
    slabs: Callable[[], Iterator[Tensor]]

    @property
    def stored_shape(self) -> tuple[int, ...]:
        """The shape in the file."""
        return packed_shape(*self.shape, self.bits) if self.bits else self.shape

    @property
    def num_bytes(self) -> int:
        """The bytes in the file."""
        return math.prod(self.stored_shape) * (1 if self.bits else 4)


def packed_path(stored: StoredModel, precision: str) -> Path:
    """Where the packed weights of a model lie once they are made."""
    return stored.folder / f"packed-{precision}.safetensors"


def open_packed(stored: StoredModel, config: Config, precision: str) -> Weights:
    """The packed weights under the names of the Transformer's, memory-mapped; made first where they are not there.

    Raises: Damaged, OutOfRoom, BadInput (the store cannot be written)
    """
    path = packed_path(stored, precision)
    identity = _identity(stored, precision)
    if not _is_current(path, identity):
        with held(layout.lock_file(stored.name), lambda: say(f"another process is packing {stored.name}; waiting")):
            if not _is_current(path, identity):
                _make(stored, path, identity, precision)
    return _read(path, config)


def _identity(stored: StoredModel, precision: str) -> dict[str, str]:
    """What the file must say of itself to be used."""
    try:
        sha256 = str(json.loads((stored.folder / "model.json").read_bytes())["weights_sha256"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Damaged(f"'{stored.folder / 'model.json'}' cannot be read ({error!r}). "
                      f"{proof.mend(stored.name)}") from error
    return {"format": "pt", "form": str(FORM), "weights_sha256": sha256, "precision": precision}


def _is_current(path: Path, identity: Mapping[str, str]) -> bool:
    """Whether the file is there, as it was made, and made from these weights in this form."""
    if not proof.is_as_made(path):
        return False
    try:
        with safe_open(path, "pt") as file:
            return dict(file.metadata() or {}) == dict(identity)
    except (OSError, SafetensorError):
        return False


def _read(path: Path, config: Config) -> Weights:
    with torch.device("meta"):
        wanted = {name: tuple(weight.shape) for name, weight in Transformer(config).state_dict().items()}
    try:
        with safe_open(path, "pt") as file:
            found = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (it is no mapping)
    except (OSError, SafetensorError) as error:
        raise Damaged(f"'{path}' cannot be read ({error}); remove it and it is made again") from error
    if found.keys() != wanted.keys():
        raise Damaged(f"'{path}' does not hold the weights of this model; remove it and it is made again")
    return {name: data if data.dtype == torch.float32 else _matrix(data, wanted[name]) for name, data in found.items()}


def _matrix(data: Tensor, shape: tuple[int, ...]) -> Packed:
    bits = next((bits for bits in (4, 8) if data.shape[-1] == block_bytes(bits)), 0)
    return Packed(shape[0], shape[-1], bits, data)


def _make(stored: StoredModel, path: Path, identity: Mapping[str, str], precision: str) -> None:
    """Packs and writes. The caller holds the lock."""
    for left in stored.folder.glob(f".{path.name}.*.part"):
        left.unlink()
    with ExitStack() as stack:
        sources = list(_sources(stored, precision, stack))
        total_bytes = sum(source.num_bytes for source in sources)
        expect_room(total_bytes, f"packing {stored.name}")
        say(f"packing {stored.name} for the native kernel, once")
        with atomic_writer(path) as file, Progress("packing", total_bytes / 1e6, "MB") as progress:
            file.write(_header(sources, identity))
            for source in sources:
                for slab in source.slabs():
                    file.write(slab.numpy().tobytes())
                    progress.advance(slab.nbytes / 1e6, source.name)
    proof.add_derived(path)


def _header(sources: list[Source], identity: Mapping[str, str]) -> bytes:
    entries: dict[str, Any] = {"__metadata__": dict(identity)}
    at = 0
    for source in sources:
        entries[source.name] = {"dtype": "U8" if source.bits else "F32", "shape": list(source.stored_shape),
                                "data_offsets": [at, at + source.num_bytes]}
        at += source.num_bytes
    text = json.dumps(entries, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 64 + 56)  # the length word and the header together end on a 64-byte border
    return len(text).to_bytes(8, "little") + text


def _sources(stored: StoredModel, precision: str, stack: ExitStack) -> list[Source]:
    """All tensors, matrices first so that each begins on a cache line; from the GGUF file if it is still there."""
    raw = _raw_file(stored)
    if raw is not None:
        try:
            file = stack.enter_context(GGUFFile(raw))
            found = list(_from_gguf(file, precision))
        except MakarError as error:
            raise Damaged(f"the source of '{stored.name}' hashes as it should and cannot be packed: {error}") from error
    else:
        found = list(_from_stored(stack.enter_context(safe_open(stored.folder / "weights.safetensors", "pt")),
                                  4 if precision == "4bit" else 8))
    return sorted(found, key=lambda source: source.bits == 0)


def _raw_file(stored: StoredModel) -> Path | None:
    """The GGUF file that the model was made from, if it is here and unchanged."""
    origin = read_model(stored.name)[1]
    if origin.path.suffix != ".gguf" or not origin.path.is_file():
        return None
    return origin.path if sha256_file(origin.path) == origin.sha256 else None


def _from_gguf(file: GGUFFile, precision: str) -> Iterator[Source]:
    for name, group in groupby(read_gguf(file).plan.targets, attrgetter("name")):
        parts = list(group)
        shape = (sum(part.shape[0] for part in parts), *parts[0].shape[1:])
        kinds = [bits_of(file.tensors[part.source].kind) for part in parts]
        if len(shape) == 1:
            yield Source(name, shape, 0, lambda parts=parts: _vector(file, parts))  # type: ignore[misc]
        else:
            bits = 4 if precision == "4bit" or (precision == "file" and max(kinds) == 4) else 8
            yield Source(name, shape, bits, lambda parts=parts, bits=bits: _panels(file, parts, bits))  # type: ignore[misc]


def _vector(file: GGUFFile, parts: list[Target]) -> Iterator[Tensor]:
    for part in parts:
        yield torch.from_numpy(np.ascontiguousarray(file.rows(part.source, part.row_order()).reshape(-1)))


def _panels(file: GGUFFile, parts: list[Target], bits: int) -> Iterator[Tensor]:
    if any(part.shape[0] % PANEL for part in parts[:-1]):  # a panel would hold rows of two tensors
        whole = np.concatenate([file.rows(part.source, part.row_order()) for part in parts])
        yield pack(torch.from_numpy(whole), bits).data
        return
    for part in parts:
        order = part.row_order()
        for start in range(0, len(order), _SLAB_ROWS):
            yield _slab(file, part.source, order[start:start + _SLAB_ROWS], bits).data


def _slab(file: GGUFFile, source: str, index: np.ndarray, bits: int) -> Packed:
    blocks = read_blocks(file, source, index)
    if blocks is None or blocks.bits > bits:
        return pack(torch.from_numpy(file.rows(source, index)), bits)
    q = torch.from_numpy(blocks.q).view(*blocks.scale.shape, GROUP)
    return pack_blocks(q, torch.from_numpy(blocks.scale), torch.from_numpy(blocks.low), bits)


def _from_stored(file: Any, bits: int) -> Iterator[Source]:
    for name in file.keys():
        view = file.get_slice(name)
        shape = tuple(view.get_shape())
        if len(shape) == 1:
            yield Source(name, shape, 0, lambda view=view: iter([view[:].float()]))  # type: ignore[misc]
        else:
            yield Source(name, shape, bits, lambda view=view, rows=shape[0]: (  # type: ignore[misc]
                pack(view[start:start + _SLAB_ROWS].float(), bits).data for start in range(0, rows, _SLAB_ROWS)))
