"""The C++ kernel behind its C interface: structures of pointers, and calls that let other Python threads run."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from ctypes import POINTER, Structure, byref, c_double, c_int32, c_int64, c_uint64, c_void_p

import torch
from torch import Tensor

from makar.kit.errors import BadInput, NotHere
from makar.native.cache import FORMS, RowCache
from makar.native.library import ERRORS, has_path, library, path_number
from makar.native.pack import Packed
from makar.native.rows import Rows
from makar.native.weights import Weights
from makar.nets.transformer import Config


class _Matrix(Structure):
    _fields_ = (("rows", c_int64), ("cols", c_int64), ("bits", c_int64), ("data", c_void_p))


class _Layer(Structure):
    _fields_ = (*((name, _Matrix) for name in ("q", "k", "v", "o", "gate", "up", "down")),
                *((name, c_void_p) for name in ("attention_norm", "mlp_norm", "qkv_bias", "q_norm", "k_norm")))


class _Model(Structure):
    _fields_ = (*((name, c_int64) for name in ("vocab_size", "dim", "hidden_dim", "num_layers", "num_heads",
                                               "num_kv_heads", "head_dim", "finely")),
                ("norm_eps", c_double), ("embed", _Matrix), ("head", _Matrix), ("norm", c_void_p),
                ("layers", POINTER(_Layer)))


class _Cache(Structure):
    _fields_ = (("keys", c_void_p), ("values", c_void_p), ("scales", c_void_p), ("form", c_int64),
                ("num_slots", c_int64), ("capacity_tok", c_int64))


class _Rows(Structure):
    _fields_ = (("num_rows", c_int64), ("num_wanted", c_int64),
                *((name, c_void_p) for name in ("tokens", "slots", "positions", "wanted", "cos", "sin", "logits",
                                                "hidden")))


class Threads:
    """Threads of one path, that sleep between calls. Calls from several Python threads wait for each other.

    Raises: NotHere (no kernel, or a processor without the path)
    """

    def __init__(self, path: str, num_threads: int) -> None:
        found = library()
        if found is None or not has_path(path):
            raise NotHere(f"the kernel's path '{path}' does not run here; leave the path open, or take 'twin'")
        self.path, self.num_threads, self._library = path, num_threads, found
        self._pool = found.makar_open(num_threads)

    def __del__(self) -> None:
        if getattr(self, "_pool", None):
            self._library.makar_close(self._pool)

    def multiply(self, packed: Packed, x: Tensor) -> Tensor:
        """One matrix over rows. Shapes: x (rows, cols) -> (rows, matrix rows)"""
        if x.dim() != 2 or x.shape[1] != packed.cols:
            raise BadInput(f"a matrix of {packed.cols} columns times rows of {tuple(x.shape)}")
        x = x.to(torch.float32).contiguous()
        y = torch.empty(len(x), packed.rows)
        if len(x):
            matrix = _matrix(packed)
            self._call("multiply", byref(matrix), x.data_ptr(), len(x), y.data_ptr())
        return y

    def forward(self, model: _Model, cache: RowCache, rows: _Rows) -> None:
        """One pass through all layers; results go where `rows` points."""
        place = _Cache(cache.keys.data_ptr(), cache.values.data_ptr(), cache.scales.data_ptr(),
                       list(FORMS).index(cache.form), cache.num_slots, cache.capacity_tok)
        self._call("forward", byref(model), byref(place), byref(rows))

    def read(self, data: Tensor) -> int:
        """Reads a number of each cache line and gives their sum, for measuring how fast memory is."""
        total = c_uint64()
        self._call("read", data.data_ptr(), data.numel() * data.itemsize // 8, byref(total))
        return total.value

    def _call(self, name: str, *arguments: object) -> None:
        error = getattr(self._library, f"makar_{name}")(self._pool, path_number(self.path), *arguments)
        if error:
            raise BadInput(f"the kernel refused {ERRORS[error]}")


class Kernel:
    """Runs rows through all layers, as `twin.Twin` does."""

    def __init__(self, config: Config, weights: Weights, threads: Threads, finely: bool = False) -> None:
        self._config, self._weights, self._threads = config, weights, threads
        self._vectors = {name: vector.to(torch.float32).contiguous() for name, vector in weights.vectors.items()}
        layers = (_Layer * config.num_layers)()
        for number in range(config.num_layers):
            self._fill(layers[number], f"blocks.{number}.")
        c, embed = config, _matrix(weights.matrices["embed"])
        head = embed if c.tie_embeddings else _matrix(weights.matrices["head"])
        self._model = _Model(c.vocab_size, c.dim, c.hidden_dim, c.num_layers, c.num_heads, c.num_kv_heads, c.head_dim,
                             finely, c.norm_eps, embed, head, self._vectors["norm"].data_ptr(), layers)

    def _fill(self, layer: _Layer, name: str) -> None:
        for part in _Layer._fields_:
            field = part[0]
            if part[1] is _Matrix:
                setattr(layer, field, _matrix(self._weights.matrices[name + field]))
            elif name + field in self._vectors:
                setattr(layer, field, self._vectors[name + field].data_ptr())

    def hidden(self, rows: Rows, rotation: tuple[Tensor, Tensor], cache: RowCache) -> Tensor:
        """The rows after the last norm, and their keys and values in the cache. Shapes: (rows, dim)"""
        out = torch.empty(len(rows.tokens), self._config.dim)
        self._run(rows, rotation, cache, (), (None, out))
        return out

    def forward(self, rows: Rows, rotation: tuple[Tensor, Tensor], cache: RowCache, wanted: Sequence[int]) -> Tensor:
        """Logits of the wanted rows, in the same call. Shapes: (wanted, vocab)"""
        out = torch.empty(len(wanted), self._config.vocab_size)
        self._run(rows, rotation, cache, wanted, (out, None))
        return out

    def logits(self, hidden: Tensor) -> Tensor:
        """Shapes: (rows, dim) -> (rows, vocab)"""
        head = "embed" if self._config.tie_embeddings else "head"
        return self._threads.multiply(self._weights.matrices[head], hidden)

    def _run(self, rows: Rows, rotation: tuple[Tensor, Tensor], cache: RowCache, wanted: Sequence[int],
             out: tuple[Tensor | None, Tensor | None]) -> None:
        numbers = (rows.tokens, rows.slots, rows.positions, wanted)
        lists = [(c_int32 * max(len(values), 1))(*values) for values in numbers]
        tables = [table.contiguous() for table in rotation]
        call = _Rows(len(rows.tokens), len(wanted), *(ctypes.addressof(values) for values in lists),
                     *(table.data_ptr() for table in tables),
                     *(None if part is None else part.data_ptr() for part in out))
        self._threads.forward(self._model, cache, call)


def _matrix(packed: Packed) -> _Matrix:
    return _Matrix(packed.rows, packed.cols, packed.bits, packed.data.data_ptr())
