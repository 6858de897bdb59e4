"""The settings of a run on pictures. What is left open (None) follows from one dial, `size`."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Literal

from makar.kit.errors import BadInput
from makar.nets.shapes import HEAD_DIM, Components, Patches, PictureShape, Relayed
from makar.rooms.image.request import ImageSampling
from makar.train.config import Optimise, Schedule, rate_of


@dataclass(frozen=True)
class Early:
    """The net over principal components of whole pictures that draws until the time of the handover."""

    num_components: int = 640
    dim: int = 640
    num_layers: int = 5
    hidden_dim: int = 1024
    handover: float = 0.2


@dataclass(frozen=True)
class Net:
    """The shape of the net; None follows from `size`. size_px: the side of a picture; patch_px: of a patch
    early: another net for the beginning of the way; None for one net alone
    """

    size_px: int = 64
    patch_px: int = 8
    dim: int | None = None
    num_layers: int | None = None
    hidden_dim: int | None = None
    context_tok: int = 16
    bottleneck: int = 128
    early: Early | None = None


@dataclass(frozen=True)
class Flow:
    """What the net learns from: at which times, and how often without words or look, or mirrored.

    time_mean, time_spread: of the normal number whose sigmoid is the time
    """

    time_mean: float = -0.8
    time_spread: float = 0.8
    no_words_frac: float = 0.1
    no_look_frac: float = 0.1
    mirrored_frac: float = 0.0


@dataclass(frozen=True)
class Leaps:
    """What a student learns of the model that it starts with: to get in one step, unguided, where that one gets guided
    in `taught_steps`. num_steps: from noise to the picture; guidance: the teacher's
    """

    num_steps: int = 4
    taught_steps: int = 4
    guidance: float = 3.0


@dataclass(frozen=True)
class Watch:
    """How often the run looks at itself. A checkpoint is written every `checkpoint_s`, or every `checkpoint_steps`.

    sheet_steps: between two contact sheets; num_steps, guidance, times: how their pictures are sampled, and the
    model's own where nothing else is asked for; no times are even steps. tries: of the model's own
    """

    validate_steps: int = 500
    validate_pictures: int = 512
    sheet_steps: int = 1000
    num_steps: int = 25
    guidance: float = 3.0
    times: str = ""
    tries: int = 1
    checkpoint_s: float = 180.0
    checkpoint_steps: int = 0

    @property
    def sampling(self) -> ImageSampling:
        """How its pictures are sampled.

        Raises: BadInput
        """
        return ImageSampling(num_steps=self.num_steps, guidance=self.guidance, times=self.times,
                             tries=self.tries)


@dataclass(frozen=True)
class Config:
    """A whole run.

    size: the dial; layers, 64 channels and one head for each. batch: pictures of a step; at_once: of one forward pass
    start: whose weights the run begins with, a checkpoint's folder or a model's name, or A+B where a relay's first net
    begins as A and its second as B; empty for random ones
    kept_frac: of those weights in what is saved to draw with, the rest being what the run made of them: halfway, what
    was known before is forgotten less (Wortsman et al. 2021, arXiv:2109.01903, eq. 1)
    leaps: how the net becomes a student of that model; None for one that learns from pictures alone
    workers: parts of a step that are computed side by side, each by one thread; on a processor that is shared, two
    workers wait for each other once a step, two threads of one product at every product
    compile: compile each kind of block (None: on a GPU that can)
    """

    recipe: str
    size: int = 8
    seed: int = 0
    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    compile: bool | None = None
    start: str = ""
    kept_frac: float = 0.0
    batch: int = 256
    at_once: int = 1024
    workers: int = 1
    net: Net = field(default_factory=Net)
    flow: Flow = field(default_factory=Flow)
    leaps: Leaps | None = None
    optimise: Optimise = field(default_factory=lambda: Optimise(ema=0.999, weight_decay=0.05))
    schedule: Schedule = field(default_factory=lambda: Schedule(num_steps=20_000))
    watch: Watch = field(default_factory=Watch)

    def architecture(self, num_looks: int, word_dim: int) -> PictureShape:
        """The net, of a resolved configuration."""
        n = self.net
        assert n.dim and n.num_layers and n.hidden_dim
        second = Patches(size_px=n.size_px, patch_px=n.patch_px, dim=n.dim, num_layers=n.num_layers,
                              num_looks=num_looks, word_dim=word_dim, hidden_dim=n.hidden_dim,
                              context_tok=n.context_tok, bottleneck=n.bottleneck)
        if n.early is None:
            return second
        e = n.early
        return Relayed(Components(
            size_px=n.size_px, num_components=e.num_components, dim=e.dim, num_layers=e.num_layers,
            num_looks=num_looks, word_dim=word_dim, hidden_dim=e.hidden_dim, context_tok=n.context_tok),
            second, e.handover)


def resolved(config: Config) -> Config:
    """The same with nothing left open.

    Raises: BadInput (settings that do not go together)
    """
    replace, n = dataclasses.replace, config.net
    dim = n.dim or HEAD_DIM * config.size
    limits = [("size", config.size, 1, 32), ("batch", config.batch, 1, 1 << 16),
              ("at_once", config.at_once, 1, 1 << 16), ("workers", config.workers, 1, 256),
              ("net.size_px", n.size_px, 8, 512), ("net.patch_px", n.patch_px, 1, n.size_px),
              ("net.context_tok", n.context_tok, 1, 64), ("schedule.num_steps", config.schedule.num_steps, 1, 10**8),
              ("flow.no_words_frac", config.flow.no_words_frac, 0, 1), ("kept_frac", config.kept_frac, 0, 1),
              ("optimise.ema", config.optimise.ema, 0, 0.99999),
              ("flow.no_look_frac", config.flow.no_look_frac, 0, 1),
              ("flow.mirrored_frac", config.flow.mirrored_frac, 0, 1),
              ("watch.validate_steps", config.watch.validate_steps, 1, 10**8),
              ("watch.sheet_steps", config.watch.sheet_steps, 1, 10**8)]
    if n.early is not None:
        limits += [("net.early.num_components", n.early.num_components, 1, 4 * n.size_px**2),
                   ("net.early.dim", n.early.dim, 1, 1 << 14), ("net.early.num_layers", n.early.num_layers, 1, 64),
                   ("net.early.hidden_dim", n.early.hidden_dim, 1, 1 << 16),
                   ("net.early.handover", n.early.handover, 0, 1)]
    if config.kept_frac and not config.start:
        raise BadInput("kept_frac is of the weights that a run begins with: --set start=NAME")
    if config.leaps is not None:
        limits += [("leaps.num_steps", config.leaps.num_steps, 1, 64),
                   ("leaps.taught_steps", config.leaps.taught_steps, 1, 64),
                   ("leaps.guidance", config.leaps.guidance, 0, 30)]
        if not config.start:
            raise BadInput("a student needs a model to learn from: --set start=NAME")
    for name, value, low, high in limits:
        if not low <= value <= high:
            raise BadInput(f"setting {name}: expected {low} to {high:,}, got {value}")
    if n.size_px % n.patch_px or dim % HEAD_DIM:
        raise BadInput(f"net.size_px {n.size_px} must be a multiple of net.patch_px {n.patch_px}, and net.dim {dim} of "
                       f"{HEAD_DIM}")
    net = replace(n, dim=dim, num_layers=n.num_layers or config.size, hidden_dim=n.hidden_dim or
                  -(-8 * dim // 3 // 64) * 64)
    steps, warmup = config.schedule.num_steps, config.schedule.warmup_steps
    schedule = replace(config.schedule, warmup_steps=min(500, steps // 10) if warmup is None else warmup)
    return replace(config, net=net, schedule=schedule, at_once=min(config.at_once, config.batch),
                   optimise=replace(config.optimise, rate=config.optimise.rate or rate_of(dim)))
