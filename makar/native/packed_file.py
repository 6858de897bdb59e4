"""A model's packed weights as one file beside its stored ones: made once, then memory-mapped.

The file is derived: whatever happens to it, it is made again. It is a safetensors file; its metadata names the form,
the weights it was made from and the precision, and its tensors are those of `weights.Weights` by name.
"""

from __future__ import annotations

import json
import math
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor

from makar.kit.errors import Damaged
from makar.kit.files import atomic_writer, sha256_file
from makar.kit.lock import held
from makar.kit.progress import Progress
from makar.native.cpu import default_threads
from makar.native.pack import PANEL, WIDTHS, Packed, block_bytes, pack, pack_blocks, packed_shape
from makar.native.weights import Weights, check_weights, matrix_shapes, split
from makar.nets.transformer import Config
from makar.store import StoredModel, layout, proof
from makar.store.convert import read_gguf
from makar.store.families import Target
from makar.store.fetch import expect_room, say
from makar.store.gguf_blocks import GROUP, bits_of, read_blocks
from makar.store.gguf_file import GGUFFile
from makar.store.stored_model import read_model

PRECISIONS = ("file", "8bit", "4bit")
"""`file` keeps what the source says: its 4-bit tensors at 4 bits, all others at 8. `4bit` takes every map of the blocks
to 4 bits; embedding and head stay as `file` has them, since at 4 bits they cost a small model 7% of perplexity.
"""

FORMS = {"file": 1, "8bit": 1, "4bit": 2}
"""By precision, raised where its files would mean something else: one of an earlier form is made again."""

_OUTER = ("embed", "head")
_SLAB_WEIGHTS = 1 << 20  # so few that what is computed of them on the way stays in the caches
# the parts, in order, that a tensor of the Transformer falls into
_PARTS = {"embed.weight": ("embed",), "head.weight": ("head",), "norm.weight": ("norm",),
          "attention.qkv.weight": ("q", "k", "v"), "attention.qkv.bias": ("qkv_bias",), "attention.o.weight": ("o",),
          "attention.norm.weight": ("attention_norm",), "attention.q_norm.weight": ("q_norm",),
          "attention.k_norm.weight": ("k_norm",), "mlp.norm.weight": ("mlp_norm",),
          "mlp.gate_up.weight": ("gate", "up"), "mlp.down.weight": ("down",)}


@dataclass(frozen=True)
class Source:
    """One tensor to be packed. A matrix is made in slabs of whole panels, a vector (bits 0) as it is."""

    name: str
    shape: tuple[int, ...]
    bits: int
    slabs: tuple[Callable[[], Tensor], ...]

    @property
    def stored_shape(self) -> tuple[int, ...]:
        """The shape in the file."""
        if not self.bits:
            return self.shape
        rows, cols = self.shape
        return packed_shape(rows, cols, self.bits)

    @property
    def num_bytes(self) -> int:
        """The bytes in the file."""
        return math.prod(self.stored_shape) * (1 if self.bits else 4)


def packed_path(stored: StoredModel, precision: str) -> Path:
    """Where the packed weights of a model lie once they are made."""
    return stored.folder / f"packed-{precision}.safetensors"


def open_packed(stored: StoredModel, config: Config, precision: str) -> Weights:
    """The packed weights, memory-mapped; made first where they are not there.

    Raises: Damaged, OutOfRoom, BadInput (the store cannot be written)
    """
    path, identity = packed_path(stored, precision), _identity(stored, precision)
    found = _open(path, identity, config)
    if found is None:
        with held(layout.lock_file(stored.name), lambda: say(f"another process is packing {stored.name}; waiting")):
            found = _open(path, identity, config)
            if found is None:
                _make(stored, config, path, identity)
                found = _read(path, config)
    return found


def bytes_per_token(stored: StoredModel, config: Config, precision: str) -> tuple[int, bool]:
    """What one step over one row reads, and whether that is known: before the weights are packed it is an estimate.

    Raises: Damaged
    """
    packed = _open(packed_path(stored, precision), _identity(stored, precision), config)
    if packed is not None:
        return packed.bytes(), True
    shapes = matrix_shapes(config)
    largest = sum(math.prod(packed_shape(*shape, 8)) for name, shape in shapes.items()
                  if name != "embed" or "head" not in shapes)
    return min(largest, stored.bytes * 5 // 4), False


def _identity(stored: StoredModel, precision: str) -> dict[str, str]:
    """What the file must say of itself to be used."""
    try:
        sha256 = str(json.loads((stored.folder / "model.json").read_bytes())["weights_sha256"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Damaged(f"'{stored.folder / 'model.json'}' cannot be read ({error!r}). "
                      f"{proof.mend(stored.name)}") from error
    return {"format": "pt", "form": str(FORMS[precision]), "weights_sha256": sha256, "precision": precision}


def _open(path: Path, identity: Mapping[str, str], config: Config) -> Weights | None:
    """The weights, or None where the file is not as it was made, of another form, or made from other weights."""
    if not proof.is_as_made(path):
        return None
    try:
        with safe_open(path, "pt") as file:
            if dict(file.metadata() or {}) != dict(identity):
                return None
        weights = _read(path, config)
        check_weights(config, weights)
    except (OSError, SafetensorError, Damaged):
        return None
    return weights


def _read(path: Path, config: Config) -> Weights:
    try:
        with safe_open(path, "pt") as file:
            found = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (it is no mapping)
        shapes = matrix_shapes(config)
        matrices = {name: _matrix(found.pop(name), shapes[name]) for name in shapes}
    except (OSError, SafetensorError, KeyError) as error:
        raise Damaged(f"'{path}' does not hold the weights of this model ({error!r}); remove it and it is made "
                      "again") from error
    return Weights(matrices, found)


def _matrix(data: Tensor, shape: tuple[int, int]) -> Packed:
    bits = next((bits for bits in WIDTHS if data.shape[-1:] == (block_bytes(bits),)), 0)
    return Packed(*shape, bits, data)


def _make(stored: StoredModel, config: Config, path: Path, identity: Mapping[str, str]) -> None:
    """Packs and writes. The caller holds the lock."""
    for left in stored.folder.glob(f".{path.name}.*.part"):
        left.unlink()
    with ExitStack() as stack:
        sources = _sources(stored, config, identity["precision"], stack)
        total_bytes = sum(source.num_bytes for source in sources)
        expect_room(total_bytes, f"packing {stored.name}")
        say(f"packing {stored.name} for the native kernel, once")
        with atomic_writer(path) as file, Progress("packing", total_bytes / 1e6, "MB") as progress:
            file.write(_header(sources, identity))
            for name, slab in _made(sources):
                file.write(slab.numpy().tobytes())
                progress.advance(slab.nbytes / 1e6, name)
    proof.add_derived(path)


def _made(sources: list[Source]) -> Iterator[tuple[str, Tensor]]:
    """All slabs in order, made by as many threads as there are cores, each at most two ahead."""
    waiting: deque[tuple[str, Future[Tensor]]] = deque()
    with ThreadPoolExecutor(default_threads()) as pool:
        try:
            for source in sources:
                for slab in source.slabs:
                    waiting.append((source.name, pool.submit(slab)))
                    if len(waiting) > 2 * default_threads():
                        name, made = waiting.popleft()
                        yield name, made.result()
            for name, made in waiting:
                yield name, made.result()
        finally:
            pool.shutdown(cancel_futures=True)


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


def _sources(stored: StoredModel, config: Config, precision: str, stack: ExitStack) -> list[Source]:
    """All tensors, matrices first so that each begins on a cache line; from the GGUF file if it is still there."""
    raw = _raw_file(stored)
    if raw is not None:
        found = list(_from_gguf(stack.enter_context(GGUFFile(raw)), precision))
    else:
        found = list(_from_stored(stored, config, precision))
    return sorted(found, key=lambda source: source.bits == 0)


def _raw_file(stored: StoredModel) -> Path | None:
    """The GGUF file that the model was made from, if it is here and unchanged."""
    origin = read_model(stored.name)[1]
    if origin.path.suffix != ".gguf" or not origin.path.is_file():
        return None
    return origin.path if sha256_file(origin.path) == origin.sources.get(origin.path) else None


def _from_gguf(file: GGUFFile, precision: str) -> Iterator[Source]:
    for name, group in groupby(read_gguf(file).plan.targets, attrgetter("name")):
        targets = list(group)
        if len(targets[0].shape) == 1:
            [part], length = part_names(name), sum(target.shape[0] for target in targets)
            yield Source(part, (length,), 0, (partial(_vector, file, targets),))
            continue
        for part, target in zip(part_names(name), targets, strict=True):
            least = bits_of(file.tensors[target.source].kind) if precision != "8bit" else 8
            bits = 4 if least == 4 or (precision == "4bit" and part not in _OUTER) else 8
            order = target.row_order()
            yield Source(part, target.shape, bits, tuple(partial(_slab, file, target.source, order[rows], bits)
                                                         for rows in _slabs_of(target.shape)))


def part_names(name: str) -> list[str]:
    """What a tensor of the Transformer becomes: `blocks.0.attention.qkv.weight` is q, k and v of `blocks.0`."""
    where = ".".join(name.split(".")[:2]) + "." if name.startswith("blocks.") else ""
    return [where + part for part in _PARTS[name.removeprefix(where)]]


def _slabs_of(shape: tuple[int, ...]) -> Iterator[slice]:
    """The rows of a matrix in runs of whole panels."""
    rows, cols = shape
    step = max(1, _SLAB_WEIGHTS // cols // PANEL) * PANEL
    return (slice(start, min(start + step, rows)) for start in range(0, rows, step))


def _vector(file: GGUFFile, targets: list[Target]) -> Tensor:
    parts = [file.rows(target.source, target.row_order()).reshape(-1) for target in targets]
    return torch.from_numpy(np.concatenate(parts))


def _slab(file: GGUFFile, source: str, index: np.ndarray, bits: int) -> Tensor:
    blocks = read_blocks(file, source, index)
    if blocks is None or blocks.bits > bits:
        return pack(torch.from_numpy(file.rows(source, index)), bits).data
    q = torch.from_numpy(blocks.q).view(*blocks.scale.shape, GROUP)
    return pack_blocks(q, torch.from_numpy(blocks.scale), torch.from_numpy(blocks.low), bits).data


def _from_stored(stored: StoredModel, config: Config, precision: str) -> Iterator[Source]:
    try:
        state = load_file(stored.folder / "weights.safetensors")
    except (OSError, SafetensorError) as error:
        raise Damaged(f"the weights of '{stored.name}' cannot be read ({error}). {proof.mend(stored.name)}") from error
    for name, part in split(config, state):
        if part.dim() == 1:
            yield Source(name, tuple(part.shape), 0, (part.float,))
        else:
            bits = 4 if precision == "4bit" and name not in _OUTER else 8
            yield Source(name, tuple(part.shape), bits, tuple(partial(_packed, part[rows], bits)
                                                              for rows in _slabs_of(part.shape)))


def _packed(weight: Tensor, bits: int) -> Tensor:
    return pack(weight.float(), bits).data
