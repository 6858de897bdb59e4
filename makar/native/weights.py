"""All weights of a Transformer in packed form, by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from torch import Tensor

from makar.kit.errors import Damaged
from makar.native.pack import Packed, pack
from makar.nets.transformer import Config


@dataclass(frozen=True)
class Weights:
    """Packed matrices, each of its own width, and fp32 vectors (norms and biases)."""

    matrices: Mapping[str, Packed]
    vectors: Mapping[str, Tensor]

    def bytes(self) -> int:
        """What one step over one row reads: all but the embedding, unless that is the head as well."""
        untied = "head" in self.matrices
        parts = [packed.bytes() for name, packed in self.matrices.items() if not (untied and name == "embed")]
        return sum(parts) + sum(vector.numel() * 4 for vector in self.vectors.values())


def matrix_shapes(config: Config) -> dict[str, tuple[int, int]]:
    """(rows, cols) of every matrix: `embed`, `head` unless tied, and q k v o gate up down of `blocks.N`."""
    c = config
    shapes = {"embed": (c.vocab_size, c.dim)}
    if not c.tie_embeddings:
        shapes["head"] = (c.vocab_size, c.dim)
    queries, keys = c.num_heads * c.head_dim, c.num_kv_heads * c.head_dim
    block = {"q": (queries, c.dim), "k": (keys, c.dim), "v": (keys, c.dim), "o": (c.dim, queries),
             "gate": (c.hidden_dim, c.dim), "up": (c.hidden_dim, c.dim), "down": (c.dim, c.hidden_dim)}
    return shapes | {f"blocks.{layer}.{name}": shape for layer in range(c.num_layers) for name, shape in block.items()}


def vector_shapes(config: Config) -> dict[str, int]:
    """The length of every vector: `norm`, and the norms and biases of `blocks.N`."""
    c = config
    block = {"attention_norm": c.dim, "mlp_norm": c.dim}
    if c.qkv_bias:
        block["qkv_bias"] = (c.num_heads + 2 * c.num_kv_heads) * c.head_dim
    if c.qk_norm:
        block |= {"q_norm": c.head_dim, "k_norm": c.head_dim}
    return {"norm": c.dim} | {f"blocks.{layer}.{name}": length for layer in range(c.num_layers)
                              for name, length in block.items()}


def check_weights(config: Config, weights: Weights) -> None:
    """Compares names and shapes with those of the model.

    Raises: Damaged
    """
    matrices = {name: (packed.rows, packed.cols) for name, packed in weights.matrices.items()}
    vectors = {name: tuple(vector.shape) for name, vector in weights.vectors.items()}
    wanted = matrix_shapes(config) | {name: (length,) for name, length in vector_shapes(config).items()}
    found = matrices | vectors
    missing, extra = wanted.keys() - found.keys(), found.keys() - wanted.keys()
    if missing or extra:
        raise Damaged(f"packed weights do not fit the model: missing {sorted(missing)[:3]}, "
                      f"unknown {sorted(extra)[:3]}")
    for name, shape in wanted.items():
        if found[name] != shape:
            raise Damaged(f"packed weight '{name}': expected shape {shape}, got {found[name]}")


def split(config: Config, state: Mapping[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    """The parts of a `Transformer.state_dict()` under the names of this module: q, k, v and gate, up stand apart."""
    queries, keys = config.num_heads * config.head_dim, config.num_kv_heads * config.head_dim
    yield "embed", state["embed.weight"]
    if not config.tie_embeddings:
        yield "head", state["head.weight"]
    yield "norm", state["norm.weight"]
    for layer in range(config.num_layers):
        old, new = f"blocks.{layer}", f"blocks.{layer}"
        for name, part in zip("qkv", state[f"{old}.attention.qkv.weight"].split((queries, keys, keys)), strict=True):
            yield f"{new}.{name}", part
        for name, part in zip(("gate", "up"), state[f"{old}.mlp.gate_up.weight"].chunk(2), strict=True):
            yield f"{new}.{name}", part
        yield f"{new}.o", state[f"{old}.attention.o.weight"]
        yield f"{new}.down", state[f"{old}.mlp.down.weight"]
        yield f"{new}.attention_norm", state[f"{old}.attention.norm.weight"]
        yield f"{new}.mlp_norm", state[f"{old}.mlp.norm.weight"]
        if config.qkv_bias:
            yield f"{new}.qkv_bias", state[f"{old}.attention.qkv.bias"]
        if config.qk_norm:
            yield f"{new}.q_norm", state[f"{old}.attention.q_norm.weight"]
            yield f"{new}.k_norm", state[f"{old}.attention.k_norm.weight"]


def pack_state(config: Config, state: Mapping[str, Tensor], bits: int) -> Weights:
    """Every matrix of a `Transformer.state_dict()` packed at one width.

    Raises: Damaged (a weight that is no number)
    """
    matrices, vectors = {}, {}
    for name, part in split(config, state):
        if part.dim() == 2:
            matrices[name] = pack(part, bits)
        else:
            vectors[name] = part.float().contiguous()
    return Weights(matrices, vectors)
