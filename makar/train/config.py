"""The settings of a run. What is left open (None) follows from one dial, `size`."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from typing import Literal

from makar.kit.errors import BadInput
from makar.nets import transformer

HEAD_DIM = 64


@dataclass(frozen=True)
class Data:
    """How documents become rows of tokens.

    vocab_size: entries of the tokenizer that is trained on the data
    fim_frac: share of the pieces of documents in a row that are rearranged around a gap
    validation_frac: share held out, by hash of its text
    whole: never cut a document that fits into a row (a little of each row is then left empty)
    """

    vocab_size: int = 4096
    context_tok: int = 256
    fim_frac: float = 0.0
    validation_frac: float = 0.05
    whole: bool = False


@dataclass(frozen=True)
class Model:
    """The shape of the net; None follows from `size`."""

    dim: int | None = None
    num_layers: int | None = None
    num_heads: int | None = None
    hidden_dim: int | None = None
    tie_embeddings: bool = True
    qk_norm: bool = True


@dataclass(frozen=True)
class Optimise:
    """How weights move. `muon` moves the matrices of the blocks by Muon and the rest by AdamW.

    clip: largest norm of the gradient; ema: how much of the average of the weights is kept each step (0: no average)
    """

    name: Literal["muon", "adamw"] = "muon"
    rate: float | None = None
    weight_decay: float = 0.1
    beta1: float = 0.9
    beta2: float = 0.95
    clip: float = 1.0
    ema: float = 0.0


@dataclass(frozen=True)
class Schedule:
    """Warm-up, then a constant rate, then a linear fall to zero over the last `decay_frac`.

    Source: Hu et al. 2024, arXiv:2404.06395, section 4 (warm-up-stable-decay)
    """

    num_steps: int = 1000
    warmup_steps: int | None = None
    decay_frac: float = 0.2


@dataclass(frozen=True)
class Batch:
    """tokens: tokens of a step; rows_at_once: rows of one forward pass, the others follow before the step is taken."""

    tokens: int | None = None
    rows_at_once: int | None = None


@dataclass(frozen=True)
class Watch:
    """How often the run looks at itself. A checkpoint is written every `checkpoint_s`, or every `checkpoint_steps`."""

    validate_steps: int = 100
    validate_rows: int = 64
    sample_steps: int = 200
    sample_tok: int = 80
    checkpoint_s: float = 120.0
    checkpoint_steps: int = 0


@dataclass(frozen=True)
class Adapt:
    """A low-rank adapter over a model of the store; none where `base` is empty."""

    base: str = ""
    rank: int = 16
    scale: float = 2.0


@dataclass(frozen=True)
class Prefer:
    """Learning from pairs of a chosen and a rejected answer, where `beta` is above 0: how closely the adapter stays to
    its base.
    """

    beta: float = 0.0


@dataclass(frozen=True)
class Config:
    """A whole run.

    size: the dial; layers, 64 channels and one head for each (a base has its own shape)
    compile: compile each kind of block (None: where that can be done and the run is minutes long)
    precision: what products are computed in; the weights that move are fp32 always
    """

    recipe: str
    size: int = 4
    seed: int = 0
    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    compile: bool | None = None
    data: Data = field(default_factory=Data)
    model: Model = field(default_factory=Model)
    optimise: Optimise = field(default_factory=Optimise)
    schedule: Schedule = field(default_factory=Schedule)
    batch: Batch = field(default_factory=Batch)
    watch: Watch = field(default_factory=Watch)
    adapt: Adapt = field(default_factory=Adapt)
    prefer: Prefer = field(default_factory=Prefer)

    @property
    def group(self) -> int:
        """Rows that belong together: a chosen and a rejected answer are two."""
        return 2 if self.prefer.beta else 1

    @property
    def batch_rows(self) -> int:
        """Rows of one step, of a resolved configuration."""
        return int(self.batch.tokens or 0) // self.data.context_tok

    def architecture(self, vocab_size: int) -> transformer.Config:
        """The net, of a resolved configuration."""
        m = self.model
        assert m.dim and m.num_layers and m.num_heads and m.hidden_dim
        return transformer.Config(
            vocab_size=vocab_size, dim=m.dim, num_layers=m.num_layers, num_heads=m.num_heads, num_kv_heads=m.num_heads,
            head_dim=m.dim // m.num_heads, hidden_dim=m.hidden_dim, context_tok=self.data.context_tok,
            tie_embeddings=m.tie_embeddings, qk_norm=m.qk_norm)


def resolved(config: Config) -> Config:
    """The same with nothing left open.

    Raises: BadInput (settings that do not go together)
    """
    replace = dataclasses.replace
    _check(config)
    m, size = config.model, config.size
    dim = m.dim or HEAD_DIM * size
    model = replace(m, dim=dim, num_layers=m.num_layers or size, num_heads=m.num_heads or max(1, dim // HEAD_DIM),
                    hidden_dim=m.hidden_dim or -(-8 * dim // 3 // 64) * 64)
    if dim % (model.num_heads or 1) or (dim // (model.num_heads or 1)) % 2:
        raise BadInput(f"model.dim {dim} does not divide into {model.num_heads} heads of an even width")
    optimise = replace(config.optimise, rate=config.optimise.rate or rate_of(dim))
    steps = config.schedule.num_steps
    warmup = config.schedule.warmup_steps
    schedule = replace(config.schedule, warmup_steps=min(100, steps // 10) if warmup is None else warmup)
    context = config.data.context_tok
    tokens = max(context, (config.batch.tokens or batch_tokens_of(size)) // context * context)
    most_rows = max(1, (65_536 if config.device == "cuda" else 8_192) // context)
    group = config.group
    tokens = -(-tokens // (context * group)) * context * group
    num_rows = tokens // context
    at_once = max(group, min(num_rows, config.batch.rows_at_once or most_rows) // group * group)
    batch = replace(config.batch, tokens=tokens, rows_at_once=at_once)
    return replace(config, model=model, optimise=optimise, schedule=schedule, batch=batch)


def work_flops(config: Config) -> float:
    """About what a whole run multiplies, of a resolved configuration: six products per weight and token."""
    m = config.model
    assert m.dim and m.num_layers and m.hidden_dim
    num = m.num_layers * m.dim * (4 * m.dim + 3 * m.hidden_dim) + config.data.vocab_size * m.dim
    return 6.0 * num * config.schedule.num_steps * (config.batch.tokens or 0)


def rate_of(dim: int) -> float:
    """The peak learning rate for a width: 1e-3 at 384 channels, 6e-4 at 768."""
    return float(f"{1e-3 * (384 / dim) ** 0.75:.3g}")


def batch_tokens_of(size: int) -> int:
    """Tokens of a step: 4,096 at size 6, growing with the number of weights."""
    return int(1024 * max(1, 2 ** round(2 + 3 * math.log2(size / 6))))


def _check(config: Config) -> None:
    limits = [("size", config.size, 1, 64), ("data.vocab_size", config.data.vocab_size, 260, 1 << 20),
              ("data.context_tok", config.data.context_tok, 8, 1 << 17),
              ("data.fim_frac", config.data.fim_frac, 0, 1),
              ("data.validation_frac", config.data.validation_frac, 0, 0.5),
              ("schedule.num_steps", config.schedule.num_steps, 1, 10**8),
              ("schedule.decay_frac", config.schedule.decay_frac, 0, 1),
              ("optimise.ema", config.optimise.ema, 0, 0.99999),
              ("optimise.clip", config.optimise.clip, 1e-6, 1e6), ("adapt.rank", config.adapt.rank, 1, 1024),
              ("watch.validate_steps", config.watch.validate_steps, 1, 10**8),
              ("watch.sample_steps", config.watch.sample_steps, 1, 10**8)]
    for name, value, low, high in limits:
        if not low <= value <= high:
            raise BadInput(f"setting {name}: expected {low} to {high:,}, got {value}")
    if config.prefer.beta < 0 or (config.prefer.beta and not config.adapt.base):
        raise BadInput("setting prefer.beta: expected 0, or a number above 0 and a base to adapt (adapt.base)")
    if config.optimise.rate is not None and not config.optimise.rate > 0:
        raise BadInput(f"setting optimise.rate: expected a number above 0, got {config.optimise.rate}")
