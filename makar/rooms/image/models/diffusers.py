"""Any text-to-picture pipeline of the diffusers library, from a folder that the store has taken in.

Its weights are others' and so is what they were trained on; requests, seeds, checks and records are the room's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from makar.codecs.picture import Pixels
from makar.kit.errors import BadInput, Damaged, NotHere
from makar.rooms.image.request import ImageRequest
from makar.rooms.image.styles import Looks
from makar.store import StoredModel

SMALLEST_PX = 256
"""Pipelines were trained on larger pictures than the room's smallest; they draw at least this and are made smaller."""


@dataclass(frozen=True)
class Pipeline:
    """A pipeline as a model of the room; its parts are read when it first draws."""

    name: str
    sha256: str
    training_data: str
    folder: Path
    looks: Looks = field(default_factory=lambda: Looks(()))
    concepts: tuple[str, ...] = ()

    def pictures(self, request: ImageRequest) -> Iterator[tuple[int, Pixels]]:
        """Every candidate, drawn alone from a seed of its own.

        Shapes: RGBA (S, S, 4)
        Raises: BadInput (a style, a picture to start from, what the pipeline refuses), NotHere (diffusers), Damaged
        """
        if request.reference is not None:
            raise BadInput(f"the pipeline '{self.name}' draws from words alone; to vary and to edit, name "
                           "a model of Makar's own")
        self.looks.number(request.style)
        sampling, pipeline = request.sampling, self._pipeline
        side_px = max(request.size_px, min(SMALLEST_PX, self.native_px))
        for index in range(request.n):
            random = torch.Generator().manual_seed(sampling.seed + index)
            try:
                drawn = pipeline(prompt=request.prompt, height=side_px, width=side_px, generator=random,
                                 num_inference_steps=sampling.num_steps, guidance_scale=sampling.guidance,
                                 output_type="np").images[0]
            except (ValueError, TypeError) as error:
                raise BadInput(f"the pipeline '{self.name}' cannot draw that: {error!s:.200}") from error
            yield index, _pixels(drawn)

    @property
    def native_px(self) -> int:
        """The side of the pictures that it was made for."""
        pipeline = self._pipeline
        net = pipeline.components.get("unet") or pipeline.components.get("transformer")
        scale = getattr(pipeline, "vae_scale_factor", 8)
        return int(net.config.sample_size * scale) if net is not None else SMALLEST_PX

    @cached_property
    def _pipeline(self) -> Any:
        try:
            from diffusers import DiffusionPipeline
        except ImportError as error:
            raise NotHere("this model is a diffusers pipeline, and diffusers is not installed: "
                          "pip install 'makar[diffusers]'") from error
        device = "cuda" if torch.cuda.is_available() else "cpu"
        precise = torch.bfloat16 if device == "cuda" else torch.float32
        try:
            pipeline = DiffusionPipeline.from_pretrained(self.folder, local_files_only=True, use_safetensors=True,
                                                         torch_dtype=precise)
        except (OSError, ValueError, AttributeError, KeyError) as error:
            raise Damaged(f"the pipeline '{self.name}' cannot be opened: {error!s:.300}") from error
        pipeline.set_progress_bar_config(disable=True)
        return pipeline.to(device)


def build(stored: StoredModel) -> Pipeline:
    """The stored pipeline as the room uses it."""
    return Pipeline(stored.name, stored.sha256, stored.training_data, stored.folder)


def _pixels(drawn: Any) -> Pixels:
    """Shapes: (S, S, 3) from 0 to 1 -> (S, S, 4)"""
    colours = (np.asarray(drawn) * 255).round().clip(0, 255).astype(np.uint8)
    return np.concatenate((colours, np.full_like(colours[..., :1], 255)), -1)
