"""What a contest is about: which nets compete, over what they do, and what is said of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor, nn

from makar.codecs.picture import Pixels
from makar.tracing.pictures import Told

if TYPE_CHECKING:
    from makar.train.contest.config import Config
    from makar.train.contest.loop import Examples, Session


class Subject(Protocol):
    """Data that is opened, and how it is competed over."""

    @property
    def root(self) -> str:
        """The hash that names the data."""
        ...

    def nets(self, config: Config) -> tuple[nn.Module, nn.Module]:
        """A painter and its critic, to be trained."""
        ...

    def examples(self, config: Config, device: torch.device) -> tuple[Examples, Examples]:
        """Those that are trained on, and those that are not."""
        ...

    def kept(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The painter's weights as they are kept to draw with."""
        ...

    def model(self, session: Session) -> dict[str, Any]:
        """What the checkpoint says of itself, but for how it was trained."""
        ...

    def card(self, model: Mapping[str, Any]) -> str:
        """Its card in Markdown."""
        ...

    def trained_on(self, session: Session) -> Iterator[tuple[Told, Pixels]] | None:
        """Every picture that is learned from, of which an index is kept with the model; None where another has it."""
        ...

    def sheet(self, session: Session) -> Pixels:
        """Painted pictures beside real ones. Shapes: -> (H, W, 4)"""
        ...
